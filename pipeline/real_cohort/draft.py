"""The draft of a map: what the columns of a file seem to be, for somebody to correct."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from pipeline.real_cohort.column_map import USUAL_MISSING, token
from pipeline.real_cohort.conversion import DECIMAL_COMMA, FACTS, NUMBER
from pipeline.real_cohort.table_file import ROW, TableFile, read_table
from pipeline.schema import Column

PATIENT: Final = (
    "patient",
    "patient id",
    "ptid",
    "id",
    "usubjid",
    "subject",
    "subject id",
    "sample id",
    "case id",
)
ARM: Final = ("arm", "trt01p", "treatment arm", "treatment group", "actarm", "trt", "treatment", "regimen")
OUTCOME_NAMES: Final = {
    "os_months": ("os", "os months", "os days", "overall survival", "survival time", "os time", "time",
                  "survival months", "overall survival months", "osm"),
    "died": ("os event", "os status", "os cnsr", "died", "dead", "death", "vital status", "vitalstatus",
             "status", "overall survival status"),
    "pfs_months": ("pfs", "pfs months", "pfs days", "progression free survival", "pfs time", "pfsm"),
    "progressed_or_died": ("pfs event", "pfs status", "pfs cnsr", "pfs flag", "progression", "progressed"),
    "best_response": ("bcor", "best response", "bor", "recist", "best overall response"),
}  # fmt: skip
# How tables spell what nobody knows, beside what is always taken so.
UNKNOWN: Final = (
    "unknown", "unk", "not known", "not done", "not available", "not evaluated", "missing", "?", "-",
)  # fmt: skip
CODED: Final = ("sex", "gender", "histology")  # of 0 and 1 nobody can tell which is which
DAYS_FROM: Final = 100.0  # a median beyond which a time is taken to be in days
LEVELS_AT_MOST: Final = 12
POSITIVE: Final = ("m", "male", "positive", "pos", "mutant", "mutated", "squamous", "present")
NEGATIVE: Final = (
    "f",
    "female",
    "negative",
    "neg",
    "wild type",
    "wt",
    "non-squamous",
    "nonsquamous",
    "absent",
    "adenocarcinoma",
    "no mutation",
)


@dataclass(frozen=True)
class KnownColumn:
    """A column that may be recognised, and the names by which tables head it."""

    column: Column
    names: tuple[str, ...] = field(default=())


def bare(header: str) -> str:
    """Return a header as lower-case words, without units in brackets.

    >>> bare("PDL1_TPS(%)"), bare("Age.at.diagnosis"), bare("OS.CNSR")
    ('pdl1 tps', 'age at diagnosis', 'os cnsr')
    """
    return " ".join(re.sub(r"[^a-z0-9]+", " ", re.sub(r"[(\[].*?[)\]]", "", header).lower()).split())


def draft_map(path: Path | str, known: Sequence[KnownColumn], sheet: str | None = None) -> str:
    """Return a map in YAML for the file, to be corrected by hand.

    A header stands for a column when it is one of its names, word for word; nothing is guessed from values
    but units of time (days above a median of 100), which value is the event, and whether a column is a
    number, a fact or a category. What is not recognised is listed under `ignore`.

    Raises
    ------
    InputError
        When there is no table in the file.
    """
    file = read_table(path, sheet)
    headers = [str(h) for h in file.cells]
    outcomes = {name: _first(headers, names) for name, names in OUTCOME_NAMES.items()}
    patient, arm = _first(headers, PATIENT), _first(headers, ARM)
    taken = {h for h in (*outcomes.values(), patient, arm) if h is not None}
    columns: dict[str, Any] = {}
    unknown = _spellings_of_unknown(file)
    for header in headers:
        found = next((k for k in known if bare(header) in k.names and k.column.name not in columns), None)
        if header not in taken and found is not None:
            columns[found.column.name] = _column(file, header, found.column, unknown)
            taken.add(header)
    name = re.sub(r"[^a-z0-9]+", "_", Path(path).stem.lower()).strip("_") or "cohort"
    document: dict[str, Any] = {
        "kind": "file",
        "name": name,
        "citation": "TO DO: what to cite wherever a figure from these patients is shown",
        **({"sheet": sheet} if sheet else {}),
        "patient": patient or ROW,
        **({"missing": unknown} if unknown else {}),
        **({"decimal": ","} if _decimal_comma(file) else {}),
        **({"arm": {"column": arm}} if arm else {}),
        "outcomes": _outcomes(file, outcomes, unknown),
        "columns": columns,
        "ignore": [h for h in headers if h not in taken],
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return (
        f"# Drafted from the header of {file.name}: correct it, then `lungio cohort check FILE --map THIS`.\n"
        "# Map no column that was filled in after treatment began; see to event_value and to units.\n"
        "# Under `ignore` is what was not recognised: move to `columns` what was known before treatment.\n"
        f"{_without_time(outcomes)}{text}"
    )


def _without_time(outcomes: Mapping[str, str | None]) -> str:
    if any(outcomes[name] is not None for name in ("os_months", "pfs_months")):
        return ""
    return (
        "# TO DO: no time to an event was recognised. Under `outcomes` is needed os_months or pfs_months,\n"
        "# beside its event: {column: ..., unit: days} from the start of treatment. Dates are not read.\n"
    )


def _first(headers: Sequence[str], names: Sequence[str]) -> str | None:
    by_name = {bare(h): h for h in reversed(headers)}
    return next((by_name[n] for n in names if n in by_name), None)


def _values(file: TableFile, header: str, unknown: Sequence[str] = ()) -> list[str]:
    return [v for v in file.text(header, (*USUAL_MISSING, *unknown)) if v is not None]


def _spellings_of_unknown(file: TableFile) -> list[str]:
    """Return how the file spells what nobody knows, where that is not one of the usual ways alone."""
    texts = {v: None for header in file.cells for v in file.text(str(header)) if v is not None}
    odd = [v for v in texts if v.lower() in UNKNOWN]
    return [*(v for v in texts if v in USUAL_MISSING), *odd] if odd else []


def _decimal_comma(file: TableFile) -> bool:
    """Whether a column of the file is of numbers that are written 3,5."""
    columns = [v for v in (_values(file, str(header)) for header in file.cells) if v]
    return any(sum(DECIMAL_COMMA.fullmatch(v) is not None for v in c) > len(c) / 2 for c in columns)


def _outcomes(
    file: TableFile, outcomes: Mapping[str, str | None], unknown: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the outcomes' part of the map; a time in days makes the other so, but for one named by month."""
    made = {n: _outcome(file, n, h, unknown) for n, h in outcomes.items() if h is not None}
    times = [n for n in made if n.endswith("months")]
    if any("unit" in made[n] for n in times):
        for n in times:
            if "month" not in bare(made[n]["column"]):
                made[n]["unit"] = "days"
    return made


def _outcome(file: TableFile, name: str, header: str, unknown: Sequence[str]) -> dict[str, Any]:
    values = _values(file, header, unknown)
    if name.endswith("months"):
        points = [v.replace(",", ".") for v in values]
        numbers = [float(v) for v in points if NUMBER.fullmatch(v)]
        days = "day" in bare(header) or (len(numbers) > 0 and float(np.median(numbers)) > DAYS_FROM)
        return {"column": header, **({"unit": "days"} if days else {})}
    if name == "best_response":
        return {"column": header}
    levels = sorted({token(v) for v in values})
    censored = "cnsr" in bare(header) or "cens" in bare(header)
    if levels == ["0", "1"]:
        return {"column": header, "event_value": int(censored is False), "censored_value": int(censored)}
    if levels == ["1", "2"]:
        return {"column": header, "event_value": 2, "censored_value": 1}
    dead = [v for v in levels if re.match(r"(?i)(1:)?(dea|dec|die|prog|yes|true)", v)]
    alive = [v for v in levels if v not in dead]
    one_other = {"censored_value": alive} if dead and len(alive) == 1 else {}
    return {"column": header, "event_value": dead or "TO DO", **one_other}


def _column(file: TableFile, header: str, column: Column, unknown: Sequence[str]) -> dict[str, Any]:
    values = _values(file, header, unknown)
    tokens = list(dict.fromkeys(token(v) for v in values))
    numeric = sum(NUMBER.fullmatch(v) is not None for v in values) > len(values) / 2
    out: dict[str, Any] = {"column": header, "kind": column.kind, "label": column.label}
    coded = bare(header) in CODED and set(tokens) <= {"0", "1"}
    if column.kind == "boolean" and (coded or not all(t.lower() in FACTS for t in tokens)):
        meant = {
            t: True if t.lower() in POSITIVE else False if t.lower() in NEGATIVE else "TO DO" for t in tokens
        }
        out["recode"] = dict(sorted(meant.items())[:LEVELS_AT_MOST])
    elif column.kind == "category" and not numeric and len(tokens) <= LEVELS_AT_MOST:
        out["recode"] = {t: t.lower() for t in sorted(tokens)}
    elif column.kind == "number":
        if any(v.endswith("%") for v in values):
            out["suffix"] = "%"
        odd = {v.removesuffix(out.get("suffix", "")).strip(): None for v in values}
        texts = [v for v in odd if not NUMBER.fullmatch(v.replace(",", "."))]
        if 0 < len(texts) <= LEVELS_AT_MOST:
            out["recode"] = dict.fromkeys(sorted(texts), "TO DO")
        out |= {"unit": column.unit} if column.unit else {}
        out |= {"low": column.low} if np.isfinite(column.low) else {}
        out |= {"high": column.high} if np.isfinite(column.high) else {}
        out |= {"positive": True} if column.positive else {}
    return out | {"modality": column.modality or "clinical"}
