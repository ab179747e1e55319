"""Arms, models and horizons of the tables that are drawn."""

HORIZONS = (6.0, 12.0, 24.0)
MODELS = ("cox", "rsf", "pdl1", "oracle")
ARMS = ("Docetaxel", "Immunotherapy with a name that is long enough to break")
