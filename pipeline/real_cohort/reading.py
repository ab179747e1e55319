"""From a file and its map to a cohort, with every fault named at once."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd

from pipeline.cohort_check import Finding, counted, outcome_findings
from pipeline.real_cohort.cohort_map import CohortMap
from pipeline.real_cohort.column_map import EventMap, RespondedMap, ResponseMap, TimeMap
from pipeline.real_cohort.conversion import Faults, baseline, events, in_rows, labels, months
from pipeline.real_cohort.first_events import read_first_events
from pipeline.real_cohort.settling import count_deaths, round_pfs, settle
from pipeline.real_cohort.table_file import TableFile, kept_rows, read_table
from pipeline.real_cohort.visits import read_visits, split_visits
from pipeline.schema import ARM, OUTCOMES, RESPONDED, SITE, Cohort, Column, InputError

HEADERS_SHOWN: Final = 20
WITHOUT_EVENTS: Final = ("negative_time", "pfs_after_os")  # what `outcome_findings` makes of times alone
WESTERN: Final = {"latin-1": "Latin-1", "cp1252": "Windows-1252 (Latin-1), as Excel writes"}
LEAVE_OUT: Final = {"arm": "; without arms, delete `arm` from the map"}


def read_cohort(cohort_map: CohortMap, data_path: Path | str) -> Cohort:
    """Return the cohort in a file, or raise one InputError naming every fault.

    Times are converted to months. Times of zero become half a day; a progression-free survival that
    exceeds overall survival by at most 0.05 months is set to it. Both, like every correction the map
    asks for and every patient left out, stand in the manifest's warnings.

    Parameters
    ----------
    cohort_map : CohortMap
    data_path : path
        CSV, TSV, Excel workbook or Parquet.

    Returns
    -------
    Cohort
        Simulated only where the map says so; its manifest holds the file's SHA-256, size and rows, the
        citation, the map, the warnings and the columns that are not mapped.
    """
    faults = Faults()
    file, warnings = kept_rows(read_table(data_path, cohort_map.sheet), cohort_map.rows)
    file, serial = split_visits(cohort_map, file, Path(data_path), faults)
    file = with_every_header(cohort_map, file, faults)
    frame = _converted(cohort_map, file, faults)
    frame = _leave_out(cohort_map, frame, warnings)
    if frame.empty:
        faults.listed.append("no patient is left after leave_out_without")
    else:
        _check_complete(cohort_map, file, frame, faults)
        frame = settle(cohort_map, frame, warnings)
        _check_outcomes(cohort_map, file, frame, faults, warnings)
    visits = None
    if cohort_map.visits is not None and serial is not None:
        visits, said = read_visits(cohort_map, cohort_map.visits, serial, frame.set_index("patient"), faults)
        warnings += said
    events = None
    if cohort_map.adverse_events is not None:
        spec = cohort_map.adverse_events
        events, said = read_first_events(cohort_map, spec, file, frame, faults)
        warnings += said
    if faults.listed:
        raise _error(data_path, cohort_map, faults)
    return replace(build_cohort(cohort_map, file, frame, warnings), visits=visits, events=events)


def _converted(cohort_map: CohortMap, file: TableFile, faults: Faults) -> pd.DataFrame:
    """Return patient, groups, baseline columns and outcomes of every row, what cannot be read as missing."""
    missing = (*cohort_map.missing,)
    frame = pd.DataFrame(index=range(len(file.cells)))
    frame["patient"] = _patients(cohort_map, file, faults)
    _read_groups(cohort_map, file, frame, faults, missing)
    for name, column in cohort_map.columns.items():
        values = baseline(file, name, column, faults, missing, cohort_map.decimal)
        frame[name] = values.to_numpy() if values.dtype == object else values.array
    for name, part in cohort_map.outcomes.parts():
        frame[name] = _outcome(cohort_map, name, part, file, faults, missing)
    return frame


def lenient_frame(cohort_map: CohortMap, file: TableFile, faults: Faults) -> pd.DataFrame:
    """Return the rows that the map keeps, with its corrections made and every fault of reading listed."""
    file = with_every_header(cohort_map, file, faults)
    frame = _leave_out(cohort_map, _converted(cohort_map, file, faults), [])
    _check_complete(cohort_map, file, frame, faults)
    round_pfs(frame)
    count_deaths(cohort_map, frame)
    return frame


def _error(path: Path | str, cohort_map: CohortMap, faults: Faults) -> InputError:
    return InputError(
        f"{path} cannot be read with the map {cohort_map.name!r}: {counted(len(faults.listed), 'fault')}\n  "
        + "\n  ".join(faults.listed)
    )


def with_every_header(cohort_map: CohortMap, file: TableFile, faults: Faults) -> TableFile:
    """Name the headers that are missing and stand empty columns in, so that all else is checked too."""
    there = list(file.cells.columns)
    used = cohort_map.headers()
    free = [h for h in there if h not in used]
    folded = {h.casefold(): h for h in reversed(free)}
    absent = {h: target for h, target in used.items() if h not in there}
    for header, target in absent.items():
        near = difflib.get_close_matches(header.casefold(), list(folded), 1, cutoff=0.5)
        if near and near[0] == header.casefold():
            hint = f"the file writes it {folded[near[0]]!r}: write it so in the map"
        elif near:
            hint = f"nearest is {folded[near[0]]!r}"
        elif free:
            more = f" and {len(free) - HEADERS_SHOWN} more" if len(free) > HEADERS_SHOWN else ""
            hint = f"columns the map does not use yet are {', '.join(free[:HEADERS_SHOWN])}{more}"
        else:
            hint = "the map uses every column of the file"
        if target.endswith("months") and any(re.search(r"(?i)dat(e|um)", h) for h in free):
            hint += "; dates are not read: give days from the start of treatment, and `unit: days`"
        faults.add(header, target, f"is missing; {hint}{LEAVE_OUT.get(target, '')}")
    return replace(file, cells=file.cells.assign(**dict.fromkeys(absent, ""))) if absent else file


def _patients(cohort_map: CohortMap, file: TableFile, faults: Faults) -> list[str]:
    ids = file.text(cohort_map.patient)
    if "patient" in faults.targets:
        return ["" for _ in ids]
    absent = [i for i, v in enumerate(ids) if v is None]
    if absent:
        faults.add(
            cohort_map.patient,
            "patient",
            f"{counted(len(absent), 'row')} without a patient id, {in_rows(file, absent)}",
            len(absent),
        )
    known = pd.Series(ids, dtype=object).dropna()
    again = known.index[known.duplicated()].tolist()
    if again:
        faults.add(
            cohort_map.patient, "patient",
            f"{counted(known[again].nunique(), 'patient')} in more than one row, again "
            f"{in_rows(file, again)}; a cohort has one row a patient: keep one of each",
            len(again),
        )  # fmt: skip
    return ["" if v is None else v for v in ids]


def _read_groups(
    cohort_map: CohortMap, file: TableFile, frame: pd.DataFrame, faults: Faults, missing: tuple[str, ...]
) -> None:
    if cohort_map.arm is not None:
        arm = cohort_map.arm
        if arm.column is None:
            frame["arm"] = arm.constant
        else:
            frame["arm"] = labels(file, arm.column, "arm", arm.recode, faults, missing)
            known = sorted(set(frame["arm"].dropna()))
            if arm.control is not None and known and arm.control not in known:
                there = ", ".join(map(repr, known))
                faults.add(
                    arm.column, "arm",
                    f"nobody is in the control arm {arm.control!r}, the arms are {there}; name one of them "
                    "as `control`, or none",
                )  # fmt: skip
    if cohort_map.site is not None:
        frame["site"] = labels(file, cohort_map.site.column, "site", {}, faults, missing)


def _outcome(
    cohort_map: CohortMap,
    name: str,
    part: TimeMap | EventMap | ResponseMap,
    file: TableFile,
    faults: Faults,
    missing: tuple[str, ...],
) -> Any:
    if isinstance(part, TimeMap):
        return months(file, name, part, faults, missing, cohort_map.decimal)
    if isinstance(part, EventMap):
        return pd.array(events(file, name, part, faults, missing), dtype="boolean")
    known = {r: r for r in next(c for c in OUTCOMES if c.name == "best_response").categories}
    return labels(file, part.column, name, dict(part.recode) or known, faults, missing)


def _times(cohort_map: CohortMap) -> list[str]:
    later = (ResponseMap, RespondedMap)  # known only of some
    return [name for name, part in cohort_map.outcomes.parts() if not isinstance(part, later)]


def _leave_out(cohort_map: CohortMap, frame: pd.DataFrame, warnings: list[str]) -> pd.DataFrame:
    needed = [name for name in cohort_map.leave_out_without if name in frame]
    gone = frame[needed].isna().any(axis=1) if needed else pd.Series(False, index=frame.index)
    if gone.any():
        warnings.append(f"{counted(int(gone.sum()), 'patient')} left out for want of {' or '.join(needed)}")
    return frame[~gone]


def _check_complete(cohort_map: CohortMap, file: TableFile, frame: pd.DataFrame, faults: Faults) -> None:
    headers = {name: part.column for name, part in cohort_map.outcomes.parts()}
    required = [*_times(cohort_map), *(["arm"] if "arm" in frame else [])]
    for name in required:
        header = headers.get(name) or (cohort_map.arm.column if cohort_map.arm else None) or name
        absent = frame.index[frame[name].isna()].tolist()
        if absent and name not in faults.targets:
            faults.add(
                header, name,
                f"is missing for {counted(len(absent), 'patient')}, {in_rows(file, absent)}; fill it in, "
                f"or list {name} under `leave_out_without`",
                len(absent),
            )  # fmt: skip


def _check_outcomes(
    cohort_map: CohortMap, file: TableFile, frame: pd.DataFrame, faults: Faults, warnings: list[str]
) -> None:
    headers = {name: part.column for name, part in cohort_map.outcomes.parts()}
    for finding, index in outcome_faults(cohort_map, frame):
        positions = [int(index[i]) for i in finding.positions]
        where = f" ({in_rows(file, positions, finding.count)})" if positions else ""
        if finding.severity == "fault":
            faults.add(headers[finding.column], finding.column, f"{finding.message}{where}; {finding.remedy}")
        elif finding.severity == "warning":
            warnings.append(f"{finding.column}: {finding.message}")


def outcome_faults(cohort_map: CohortMap, frame: pd.DataFrame) -> list[tuple[Finding, pd.Index]]:
    """Return what is odd about outcomes, and the rows that the positions of each count.

    Times that no event could explain are looked for in all rows, the rest in those whose outcomes are known.
    """
    times = _times(cohort_map)
    known = frame.dropna(subset=times)
    found = []
    if len(known):
        plain = known.assign(**{n: known[n].astype(bool) for n in times if not n.endswith("months")})
        found += [(f, plain.index) for f in outcome_findings(plain, cohort_map.confirmed)]
    if len(known) < len(frame):
        alone = frame[[name for name in times if name.endswith("months")]]
        found = [(f, i) for f, i in found if f.check not in WITHOUT_EVENTS]
        found += [(f, alone.index) for f in outcome_findings(alone)]
    return found


def build_cohort(cohort_map: CohortMap, file: TableFile, frame: pd.DataFrame, warnings: list[str]) -> Cohort:
    """Return the cohort of rows that were converted and checked."""
    for name in ("died", "progressed_or_died"):
        if name in frame:
            frame[name] = frame[name].astype(bool)
    columns = _columns(cohort_map, frame)
    serial = cohort_map.visits.headers() if cohort_map.visits and not cohort_map.visits.file else []
    used = {*cohort_map.headers(), *cohort_map.ignore, *serial}
    not_mapped = [h for h in map(str, file.cells) if h not in used]
    if not_mapped:
        warnings.append(f"not mapped and not used: {', '.join(not_mapped)}")
    if gone := [h for h in cohort_map.ignore if h not in file.cells]:
        warnings.append(f"listed under ignore but not in the file: {', '.join(gone)}")
    if file.encoding in WESTERN:
        warnings.append(f"the file is not UTF-8; it was read as {WESTERN[file.encoding]}")
    manifest = {
        "kind": "file",
        "file": file.name,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "encoding": file.encoding,
        "rows": len(file.cells),
        "patients": len(frame),
        "label": cohort_map.label or cohort_map.name,
        "citation": cohort_map.citation,
        "confirmed": list(cohort_map.confirmed),
        "map": json.loads(cohort_map.model_dump_json(exclude_defaults=True)),
        "columns_not_mapped": not_mapped,
        "warnings": warnings,
    }
    control = cohort_map.arm.control if cohort_map.arm is not None else None
    observed = frame.set_index("patient")[[c.name for c in columns]]
    simulated = cohort_map.simulated
    return Cohort(cohort_map.name, observed, columns, simulated, manifest=manifest, control_arm=control)


def _columns(cohort_map: CohortMap, frame: pd.DataFrame) -> tuple[Column, ...]:
    columns: list[Column] = []
    for group in (ARM, SITE):
        if group.name in frame:
            levels = tuple(sorted(frame[group.name].dropna().unique()))
            columns.append(Column(group.name, group.role, "category", group.label, categories=levels))
    for name, c in cohort_map.columns.items():
        levels = tuple(sorted(frame[name].dropna().unique())) if c.kind == "category" else ()
        columns.append(
            Column(name, "baseline", c.kind, c.label, c.unit, c.modality, c.low, c.high, levels, c.positive)
        )
    return (*columns, *(c for c in (*OUTCOMES, RESPONDED) if c.name in frame))
