"""Scores of clinics and papers as printed: what they need, how they are computed, for whom they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.schema import Column, Floats

Values = Mapping[str, Floats]
# Where a score prints no limit of normal for LDH, laboratories' usual one.
LDH_UPPER_NORMAL_U_PER_L: Final = 250.0


@dataclass(frozen=True)
class Input:
    """One thing a score needs: the columns it may stand under, each with the factor to its unit."""

    columns: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, *names: str) -> Input:
        """Return an input that stands under any of `names`, in the unit the score wants."""
        return cls(tuple((name, 1.0) for name in names))


@dataclass(frozen=True)
class PublishedScore:
    """A score with nothing to fit.

    Attributes
    ----------
    label : str
        As figures and tables call it.
    needs : tuple of str
        Keys of `INPUTS`.
    value : callable
        From complete inputs, one array each, to the score as printed.
    higher_is_worse : bool
    source : str
    population : str
        The patients it was made on.
    ratio : bool
        Whether the hazard is read on the score's logarithm when curves are drawn; no rank depends on it.
    """

    label: str
    needs: tuple[str, ...]
    value: Callable[[Values], Floats]
    higher_is_worse: bool
    source: str
    population: str
    ratio: bool = False

    def risk(self, inputs: Values) -> Floats:
        """Return the score turned so that higher is worse."""
        score = self.value(inputs)
        return score if self.higher_is_worse else -score


def lipi(x: Values) -> Floats:
    """Lung immune prognostic index: one point for dNLR above 3, one for LDH above the upper limit of normal.

    >>> lipi({"dnlr": np.array([2.0, 3.0, 4.0]), "ldh": np.array([300.0, 250.0, 251.0])}).tolist()
    [1.0, 0.0, 2.0]
    """
    return np.asarray(1.0 * (x["dnlr"] > 3) + (x["ldh"] > LDH_UPPER_NORMAL_U_PER_L))


def epsilon(x: Values) -> Floats:
    """EPSILoN: how many of five are unfavourable.

    ECOG 2 or more, 43 pack-years or fewer, liver metastases, LDH of at least 400, NLR of at least 4.
    The paper's three groups are unions of these counts.
    """
    points = 1.0 * (x["ecog"] >= 2) + (x["pack_years"] <= 43) + (x["liver_metastases"] > 0)
    return np.asarray(points + (x["ldh"] >= 400) + (x["nlr"] >= 4))


def loris_nsclc(x: Values) -> Floats:
    """LORIS for NSCLC: the chance of an objective response."""
    return _logistic(
        0.0353 * np.minimum(x["tmb"], 50) + 0.0111 * x["pdl1"] - 0.375 * x["prior_systemic_therapy"]
        + 0.2924 * x["albumin"] - 0.0103 * np.minimum(x["nlr"], 25) - 1.5593
    )  # fmt: skip


def loris_pan_cancer(x: Values) -> Floats:
    """LORIS for all cancers, with its calibration term for NSCLC: the chance of an objective response."""
    return _logistic(
        0.0371 * np.minimum(x["tmb"], 50) - 0.8775 * x["prior_systemic_therapy"] + 0.5382 * x["albumin"]
        - 0.033 * np.minimum(x["nlr"], 25) + 0.0049 * np.minimum(x["age"], 85) + 0.0008 - 2.0886
    )  # fmt: skip


def _logistic(linear: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-linear)))


def _alone(name: str) -> Callable[[Values], Floats]:
    return lambda x: x[name]


INPUTS: Final[Mapping[str, Input]] = {
    "age": Input.of("age_years"),
    "albumin": Input((("albumin_g_per_dl", 1.0), ("albumin_g_per_l", 0.1))),
    "dnlr": Input.of("dnlr"),
    "ecog": Input.of("ecog_ps"),
    "ldh": Input.of("ldh_u_per_l"),
    "leukocytes": Input.of("leukocytes_per_nl"),
    "liver_metastases": Input.of("liver_metastases"),
    "lymphocytes": Input.of("lymphocytes_per_nl"),
    "neutrophils": Input.of("neutrophils_per_nl"),
    "nlr": Input.of("nlr"),
    "pack_years": Input.of("pack_years"),
    "pdl1": Input.of("pdl1_tps_percent"),
    "prior_systemic_therapy": Input.of("prior_systemic_therapy"),
    "tmb": Input.of("tmb_mutations_per_mb"),
}

_LORIS: Final = "Chang TG et al. Nat Cancer 2024;5:1158-1175, doi:10.1038/s43018-024-00772-7"
_MSK: Final = "patients on checkpoint inhibitors, Memorial Sloan Kettering 2015-2017 (Chowell et al.)"

SCORES: Final[Mapping[str, PublishedScore]] = {
    "tmb": PublishedScore(
        "TMB", ("tmb",), _alone("tmb"), higher_is_worse=False,
        source="Samstein RM et al. Nat Genet 2019;51:202-206, doi:10.1038/s41588-018-0312-8",
        population="advanced cancers on checkpoint inhibitors, MSK-IMPACT panel", ratio=True,
    ),
    "nlr": PublishedScore(
        "NLR", ("nlr",), _alone("nlr"), higher_is_worse=True,
        source="Zahorec R. Bratisl Lek Listy 2001;102:5-14", population="critically ill; since then cancers",
        ratio=True,
    ),
    "dnlr": PublishedScore(
        "dNLR", ("dnlr",), _alone("dnlr"), higher_is_worse=True,
        source="Proctor MJ et al. Br J Cancer 2012;107:695-699, doi:10.1038/bjc.2012.292",
        population="cancers of all sites, Glasgow", ratio=True,
    ),
    "lipi": PublishedScore(
        "LIPI", ("dnlr", "ldh"), lipi, higher_is_worse=True,
        source="Mezquita L et al. JAMA Oncol 2018;4:351-357, doi:10.1001/jamaoncol.2017.4771",
        population="advanced NSCLC on checkpoint inhibitors, eight European centres",
    ),
    "epsilon": PublishedScore(
        "EPSILoN", ("ecog", "pack_years", "liver_metastases", "ldh", "nlr"), epsilon, higher_is_worse=True,
        source="Prelaj A et al. Clin Lung Cancer 2020;21:365-377, doi:10.1016/j.cllc.2019.11.017",
        population="advanced NSCLC, anti-PD-1 in second or later line, Italy",
    ),
    "loris": PublishedScore(
        "LORIS (NSCLC)", ("tmb", "pdl1", "prior_systemic_therapy", "albumin", "nlr"), loris_nsclc,
        higher_is_worse=False, source=_LORIS, population=f"NSCLC {_MSK}",
    ),
    "loris_pan_cancer": PublishedScore(
        "LORIS (all cancers)", ("tmb", "prior_systemic_therapy", "albumin", "nlr", "age"), loris_pan_cancer,
        higher_is_worse=False, source=_LORIS, population=f"16 kinds of cancer, {_MSK}",
    ),
}  # fmt: skip

# How an input that is not measured as such follows from others, which then stand in its place.
DERIVED_INPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "nlr": ("neutrophils", "lymphocytes"),
    "dnlr": ("neutrophils", "leukocytes"),
}


def sources_of(need: str, columns: Mapping[str, Column]) -> dict[str, tuple[str, float]]:
    """Return the column and factor of everything `need` is read from; empty when the cohort lacks it."""

    def found(name: str) -> tuple[str, float] | None:
        known = (c for c in INPUTS[name].columns if c[0] in columns and columns[c[0]].kind != "category")
        return next(known, None)

    direct = found(need)
    if direct is not None:
        return {need: direct}
    parts = {name: place for name in DERIVED_INPUTS.get(need, ()) if (place := found(name)) is not None}
    return parts if parts and len(parts) == len(DERIVED_INPUTS[need]) else {}


def lacking(needs: Collection[str], columns: Mapping[str, Column], given: Collection[str] = ()) -> list[str]:
    """Return the columns that a cohort lacks of the inputs a score `needs`; `given` are not needed."""
    absent = [need for need in needs if need not in given and not sources_of(need, columns)]
    return [INPUTS[need].columns[0][0] for need in absent]
