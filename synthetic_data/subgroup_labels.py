"""Published names of subgroups, read as conditions on marker columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PDL1: Final = "pdl1_tps_percent"
TMB: Final = "tmb_mutations_per_mb"
CRP: Final = "crp_mg_per_l"


@dataclass(frozen=True)
class Condition:
    """What one column must be for a patient to belong to a subgroup.

    Bounds on the marker's own scale (`at_least`, `below`), on its rank among the trial's patients
    (`rank_from`, `rank_below`, both 0 to 1), or the states of a category or of a yes-or-no marker.
    """

    column: str
    at_least: float | None = None
    below: float | None = None
    rank_from: float | None = None
    rank_below: float | None = None
    one_of: tuple[str, ...] = ()
    equals: bool | None = None

    def holds(self, values: pd.Series) -> NDArray[np.bool_]:
        """Return which of the patients fulfil it, from their values of the column."""
        if self.one_of:
            return np.asarray(values.astype(str).isin(self.one_of), dtype=bool)
        numbers = values.to_numpy(dtype=float)
        if self.equals is not None:
            return np.asarray((numbers > 0.5) == self.equals, dtype=bool)
        kept = np.ones(len(numbers), dtype=bool)
        if self.at_least is not None:
            kept &= numbers >= self.at_least
        if self.below is not None:
            kept &= numbers < self.below
        if self.rank_from is not None:
            kept &= numbers >= np.quantile(numbers, self.rank_from)
        if self.rank_below is not None:
            kept &= numbers < np.quantile(numbers, self.rank_below)
        return kept


@dataclass(frozen=True)
class Subgroup:
    """A named part of a trial's patients.

    Attributes
    ----------
    label : str
        As published.
    conditions : tuple of Condition
        All must hold. Empty where the label cannot be expressed, for the `reason` given.
    notes : tuple of str
        What was translated, and which words were passed over.
    reason : str
    whole : bool
        Whether it names everybody analysed, perhaps under conditions that hold for the whole analysis.
    """

    label: str
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    whole: bool = False

    @property
    def columns(self) -> frozenset[str]:
        """Marker columns it asks for."""
        return frozenset(c.column for c in self.conditions)

    @property
    def complement(self) -> tuple[Condition, ...]:
        """Conditions of all other patients, where it rests on one yes-or-no marker; else empty."""
        if len(self.conditions) != 1 or self.conditions[0].equals is None:
            return ()
        return (replace(self.conditions[0], equals=not self.conditions[0].equals),)

    def members(self, values: pd.DataFrame, constants: Mapping[str, object]) -> NDArray[np.bool_]:
        """Return which patients belong to it.

        Parameters
        ----------
        values : DataFrame, shape (n, columns)
            Markers as drawn, before any goes missing.
        constants : mapping of column to value
            Markers that have one value in this trial, and no column.
        """
        inside = np.ones(len(values), dtype=bool)
        for condition in self.conditions:
            column = condition.column
            if column in values:
                inside &= condition.holds(values[column])
            else:
                inside &= condition.holds(pd.Series([constants[column]]))[0]
        return inside


@dataclass(frozen=True)
class _Wording:
    """One way of naming a condition: a pattern, what it means, and what was translated."""

    pattern: str
    meaning: Callable[[re.Match[str]], tuple[Condition, ...]]
    note: str = ""


def _from(column: str) -> Callable[[re.Match[str]], tuple[Condition, ...]]:
    return lambda m: (Condition(column, at_least=float(m["low"])),)


def _under(column: str) -> Callable[[re.Match[str]], tuple[Condition, ...]]:
    return lambda m: (Condition(column, below=float(m["high"])),)


def _is(**conditions: bool) -> Callable[[re.Match[str]], tuple[Condition, ...]]:
    return lambda m: tuple(Condition(column, equals=state) for column, state in conditions.items())


def _just(condition: Condition) -> Callable[[re.Match[str]], tuple[Condition, ...]]:
    return lambda m: (condition,)


def _quarters(match: re.Match[str]) -> tuple[Condition, ...]:
    """Quartile bounds: `< Q1`, `Q1 to <Q2`."""
    low = None if match["low"] is None else int(match["low"]) / 4
    return (Condition(CRP, rank_from=low, rank_below=int(match["high"]) / 4),)


_NUMBER: Final = r"(?P<{}>\d+(?:\.\d+)?)"
_LOW, _HIGH = _NUMBER.format("low"), _NUMBER.format("high")
_STAIN: Final = r"\bPD-L1(?: TC| TPS)? ?"
_SP142: Final = (
    "SP142 also counts immune cells: TC3 or IC3 (`high`) is read as a tumour proportion score of 50 % or "
    "more, TC1/2/3 or IC1/2/3 as 1 % or more, TC0 and IC0 as less than 1 %"
)
_TC: Final = "tumour cells by SP263 or SP142 are read as the tumour proportion score"

# Longer wordings stand before the shorter ones they contain.
WORDINGS: Final[tuple[_Wording, ...]] = (
    _Wording(r"\bPD-L1 TC1/2/3 or IC1/2/3", _just(Condition(PDL1, at_least=1)), _SP142),
    _Wording(r"\bPD-L1 TC0 and IC0", _just(Condition(PDL1, below=1)), _SP142),
    _Wording(r"\bPD-L1 any \(TC>=1% or IC>=1%\)", _just(Condition(PDL1, at_least=1)), _SP142),
    _Wording(r"\bPD-L1 high(?: \(SP142\))?", _just(Condition(PDL1, at_least=50)), _SP142),
    _Wording(_STAIN + rf">= ?{_LOW}%", _from(PDL1)),
    _Wording(_STAIN + rf"< ?{_HIGH}%", _under(PDL1)),
    _Wording(
        _STAIN + rf"{_LOW}-{_HIGH}%",
        lambda m: (Condition(PDL1, at_least=float(m["low"]), below=float(m["high"]) + 1),),
    ),
    _Wording(rf"\btTMB >={_LOW} mut/Mb", _from(TMB)),
    _Wording(rf"\btTMB <{_HIGH} mut/Mb", _under(TMB)),
    _Wording(
        r"\bTMB high \(>=\d+ mutations, upper tertile\)",
        _just(Condition(TMB, rank_from=2 / 3)),
        "a count over the exome is read by its rank, the upper third",
    ),
    _Wording(
        r"\bbaseline hs-CRP >= ?Q(?P<low>[1-3])", lambda m: (Condition(CRP, rank_from=int(m["low"]) / 4),)
    ),
    _Wording(r"\bbaseline hs-CRP(?: Q(?P<low>[1-3]) to)? ?< ?Q(?P<high>[1-3])", _quarters),
    _Wording(r"\b(?:nonsquamous|non-squamous)\b", _is(squamous=False)),
    _Wording(r"\bsquamous\b", _is(squamous=True)),
    _Wording(r"\bno brain metastases\b", _is(brain_metastases=False)),
    _Wording(r"\bbrain metastases\b", _is(brain_metastases=True)),
    _Wording(r"\bno liver metastases\b", _is(liver_metastases=False)),
    _Wording(r"\bliver metastases\b", _is(liver_metastases=True)),
    _Wording(r"\bcurrent/former smoker\b", _just(Condition("smoking", one_of=("current", "former")))),
    _Wording(
        r"\b(?P<state>never|former|current) smoker\b",
        lambda m: (Condition("smoking", one_of=(m["state"],)),),
    ),
    _Wording(rf"\bage >={_LOW}", _from("age_years")),
    _Wording(rf"\bage <{_HIGH}", _under("age_years")),
    _Wording(r"\bfemale\b", _is(male=False)),
    _Wording(r"\bmale\b", _is(male=True)),
    _Wording(r"\bEGFR-/ALK-|\bno EGFR/ALK\b", _is(egfr_mutant=False, alk_rearranged=False)),
    _Wording(r"\bEGFR mutated\b", _is(egfr_mutant=True)),
    _Wording(
        r"\b(?P<gene>KRAS|STK11|KEAP1) (?P<state>mutated|wild-type)\b",
        lambda m: (Condition(f"{m['gene'].lower()}_mutant", equals=m["state"] == "mutated"),),
    ),
)  # fmt: skip

# Words that may stand beside a condition: they narrow it in a way no marker shows, or only count.
PASSED_OVER: Final[Mapping[str, str]] = {
    r"\bstage II-IIIA\b": "stage is not drawn, and the condition on it is passed over",
    r"\(n=\d+\)": "",
    r"\(primary\)": "",
}

# Names of everybody analysed. What else they say holds for the whole analysis.
WHOLE: Final = r"^(ITT(?!.*adjusted)|all\b|PAS\b|primary analysis set|PD-L1 any \(TC>=1% or IC>=1%\), WT)"

# Why a label that no wording covers is not one: the first pattern found in it speaks.
REASONS: Final[tuple[tuple[str, str], ...]] = (
    (r"adjusted", "the whole trial, analysed otherwise"),
    (r"bTMB", "mutational burden in blood has a scale of its own and no marker column"),
    (r"verified", "divides patients by how PD-L1 was tested; test results are drawn without error"),
    (r"PD-L1 unknown", "divides patients by whether a test was made; test results are drawn for all"),
    (r"all randomi[sz]ed", "the whole trial but for its stages; stage has no marker column"),
    (r"\bpCR\b|\bMPR\b|ctDNA|tumour in primary|completed adjuvant|landmark|on-treatment|adverse event",
     "divides patients by what happened after treatment began"),
    (r"^(carboplatin|cisplatin)", "divides patients by the chemotherapy chosen; no marker column"),
    (r"prior|interval", "divides patients by earlier treatment; no marker column"),
    (r"stage|node|\bN[02]\b", "divides patients by stage; no marker column"),
    (r"subpopulation", "divides patients by region; no marker column"),
)  # fmt: skip


def read_label(label: str) -> Subgroup:
    """Read the name of a published subgroup.

    Examples
    --------
    >>> read_label("PD-L1 TPS 1-49%").conditions
    (Condition(column='pdl1_tps_percent', at_least=1.0, below=50.0, rank_from=None, rank_below=None, \
one_of=(), equals=None),)
    >>> read_label("node-positive").reason
    'divides patients by stage; no marker column'
    """
    rest = label
    conditions: list[Condition] = []
    notes: list[str] = []
    for wording in WORDINGS:
        match = re.search(wording.pattern, rest)
        if match is None:
            continue
        conditions += wording.meaning(match)
        notes += [wording.note] * bool(wording.note)
        notes += [_TC] * ("PD-L1 TC" in match[0] and not wording.note)
        rest = rest[: match.start()] + rest[match.end() :]
    for pattern, note in PASSED_OVER.items():
        if conditions and re.search(pattern, rest):
            rest = re.sub(pattern, "", rest)
            notes += [note] * bool(note)
    if re.search(WHOLE, label):
        return Subgroup(label, tuple(conditions), tuple(notes), whole=True)
    if conditions and rest.strip(" ,()") in {"", "WT"}:
        return Subgroup(label, tuple(conditions), tuple(notes))
    reason = next((r for pattern, r in REASONS if re.search(pattern, label)), None)
    return Subgroup(label, reason=reason or f"no rule reads {label!r}")
