"""Speed and memory of the main jobs, beside peers; `make bench` runs them all."""
