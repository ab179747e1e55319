"""What one study of a given size would find."""

from pipeline.power.knowledge import measuring, named_columns, without_samples
from pipeline.power.questions import answer, interaction_p

__all__ = ["answer", "interaction_p", "measuring", "named_columns", "without_samples"]
