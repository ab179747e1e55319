"""What is made from the code and its examples: pages and notebooks, and the reference of the interface."""
