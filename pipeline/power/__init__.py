"""What one study of a given size would find."""

from pipeline.power.questions import answer, interaction_p

__all__ = ["answer", "interaction_p"]
