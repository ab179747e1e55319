"""Published evidence as frozen specs: trials, markers and models, each figure with its source."""
