"""Objective response: who has one, classifiers with calibrated probabilities, and how well they do."""

from pipeline.response.judging import ResponseJudgement, check_response, judge_response
from pipeline.response.outcome import known_responses
from pipeline.response.registry import BESIDE, CLASSIFIERS, load_classifier

__all__ = [
    "BESIDE",
    "CLASSIFIERS",
    "ResponseJudgement",
    "check_response",
    "judge_response",
    "known_responses",
    "load_classifier",
]
