"""How a study was run: sites and laboratories, crossover, who was lost, and what was never recorded."""
