"""A trial enriched by a signature: who is enrolled, what they gain, and how likely the trial is positive."""

from pipeline.enrich.signature import ORACLE, FittedSignature, Signature
from pipeline.enrich.trial import Plan, enrolled, positive

__all__ = ["ORACLE", "FittedSignature", "Plan", "Signature", "enrolled", "positive"]
