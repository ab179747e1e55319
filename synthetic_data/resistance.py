"""Why treatment fails those who progress: primary or acquired resistance, and its cause."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats

# Progression within six months without a response is primary; after a response, or after at least six
# months, acquired (Society for Immunotherapy of Cancer: Kluger et al. 2020, doi 10.1136/jitc-2019-000398).
# The definition also asks for six weeks of exposure, which is not asked here: progression before is primary.
ACQUIRED_AFTER_MONTHS: Final = 6.0
NONE, PRIMARY, ACQUIRED = "none", "primary", "acquired"

# Cause -> the latent score that drives it.
CAUSES: Final[Mapping[str, str]] = {
    "antigen_presentation_lost": "antigen_presentation_defect",
    "alternative_checkpoint": "t_cell_exhaustion",
    "myeloid_inflammation": "myeloid_inflammation",
    "stromal_or_metabolic_exclusion": "stromal_exclusion",
    "antigen_scarcity": "antigen_scarcity",
    "weak_nk_surveillance": "weak_nk_surveillance",
}
NO_INHIBITOR: Final = "no_checkpoint_inhibitor"  # of arms without one, whose failure is another matter
NO_CAUSE: Final = "none"
TEMPERATURE: Final = 1.0  # score units by which a cause gains a factor e over the others (assumed)

# Shares of the causes in patients whose six scores are those of the reference population. Presentation lost:
# one in four, from the register: loss of heterozygosity at HLA in 20.8 % (MSK, 538 patients) or a defect of
# the interferon pathway in 6.3 % (TCGA, 1016 patients), together 1 - 0.792 * 0.937 = 25.8 %, as if
# independent. The register has no figures for the others: equal parts, but what a tumour lacks from the
# start (antigen, access) rather prevents a response, and exhaustion rather ends one; so these parts are
# moved by half between primary and acquired (assumed).
PRESENTATION: Final = 0.258
SHARES: Final[Mapping[str, Mapping[str, float]]] = {
    PRIMARY: {
        "antigen_presentation_lost": PRESENTATION,
        "alternative_checkpoint": 0.5,
        "myeloid_inflammation": 1.0,
        "stromal_or_metabolic_exclusion": 1.5,
        "antigen_scarcity": 1.5,
        "weak_nk_surveillance": 0.5,
    },
    ACQUIRED: {
        "antigen_presentation_lost": PRESENTATION,
        "alternative_checkpoint": 2.0,
        "myeloid_inflammation": 1.0,
        "stromal_or_metabolic_exclusion": 0.75,
        "antigen_scarcity": 0.75,
        "weak_nk_surveillance": 0.5,
    },
}


def draw_resistance(
    pfs: Floats,
    os: Floats,
    response: NDArray[np.object_],
    inhibitor: NDArray[np.bool_],
    states: Mapping[str, Floats],
    uniforms: Floats,
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the kind of resistance and the cause of failure of each patient, both shape (n,).

    Parameters
    ----------
    pfs, os : array, shape (n,)
        True event months.
    response : array of str, shape (n,)
        Best overall response.
    inhibitor : array of bool, shape (n,)
        Whether the patient's arm has a checkpoint inhibitor.
    states : mapping
        The latent immune state: name -> score, shape (n,).
    uniforms : array, shape (n,)

    Returns
    -------
    resistance : array of str
        Primary, acquired, or none for who dies without progression.
    cause_of_failure : array of str
        One of CAUSES, drawn with odds that rise with the score behind it; NO_INHIBITOR in arms without
        a checkpoint inhibitor; NO_CAUSE where there is no resistance. Both are part of the truth only.
    """
    resistance = kind_of_resistance(pfs, os, (response == "CR") | (response == "PR"))
    cause = np.where(resistance == NONE, NO_CAUSE, NO_INHIBITOR).astype(object)
    names = np.array(list(CAUSES), dtype=object)
    for kind in (PRIMARY, ACQUIRED):
        rows = np.flatnonzero((resistance == kind) & inhibitor)
        scores = np.stack([states[name][rows] for name in CAUSES.values()], axis=1)
        chosen = (cause_probabilities(scores, kind).cumsum(axis=1) < uniforms[rows, None]).sum(axis=1)
        cause[rows] = names[np.minimum(chosen, len(names) - 1)]
    return resistance, cause


def kind_of_resistance(pfs: Floats, os: Floats, responded: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Name the resistance of each patient from true event months and response, shape (n,)."""
    acquired = responded | (pfs >= ACQUIRED_AFTER_MONTHS)
    return np.where(pfs >= os, NONE, np.where(acquired, ACQUIRED, PRIMARY)).astype(object)


def cause_probabilities(scores: Floats, kind: str) -> Floats:
    """Return the probability of each cause given six scores, shape (n, 6): their softmax at TEMPERATURE.

    The intercepts give the stated shares in a population whose scores are independent standard normal.
    """
    return _softmax(scores / TEMPERATURE + _intercepts(kind))


def stated_shares(kind: str) -> Floats:
    """Return the share of each cause in the reference population, shape (6,), summing to 1."""
    parts = SHARES[kind]
    others = sum(v for k, v in parts.items() if k != "antigen_presentation_lost")
    return np.array([
        v if k == "antigen_presentation_lost" else v / others * (1 - PRESENTATION) for k, v in parts.items()
    ])  # fmt: skip


@cache
def _intercepts(kind: str) -> Floats:
    # fixed points: part of the rule, not of any draw
    points = np.random.default_rng(0).standard_normal((8192, len(CAUSES))) / TEMPERATURE
    shares = stated_shares(kind)
    intercepts = np.log(shares)
    for _ in range(60):  # each step moves every mean towards its share; settles in a few
        intercepts += np.log(shares / _softmax(points + intercepts).mean(axis=0))
    return intercepts


def _softmax(values: Floats) -> Floats:
    if not len(values):
        return np.empty_like(values)
    grown = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
