"""Published evidence in, synthetic patients out."""
