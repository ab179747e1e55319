"""Six examples as percent scripts; `make gallery` executes them."""
