"""What is thrown at the doors through which somebody else's bytes come in: specs, tables, requests.

A door is a strategy of cases and what is done with each. A case may be taken or refused in plain words;
anything else is a fault of ours.
"""

from __future__ import annotations

import copy
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from hypothesis import strategies as st

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 10**12, 10**30, -(2**63), 0.0, -0.0, 0.5, 1e-320, 1e308,
    float("nan"), float("inf"), float("-inf"), "", " ", "x", "\n", "nan", "1e999", "=", "<<", "~", "NULL",
    "a/b", "../../x", "/", "~nobody/x", "C:\\x", "os", "pfs", "keynote_189", "KEYNOTE-189", "poplar", "cox",
    "\x00", "\u202e\u0661\u00bd", "\U0001f642" * 3, "9" * 400, "x" * 5000, "2020-13-45", "{{ x }}", "[bold]",
    [], [None], [[]], [1, 1], ["x", "x"], {}, {"x": 1}, {"": None}, {1: 2},
)  # fmt: skip
TOKENS = (
    b"&a ", b"*a", b"<<: ", b"!!python/object/apply:os.system ", b"! ", b"? ", b": ", b"- ", b"\t", b"[",
    b"]", b"{", b"}", b"'", b'"', b"|\n", b">\n", b"#", b"\x00", b"\xff", b"\xef\xbb\xbf", b"---\n", b"...\n",
    b"%YAML 1.3\n", b"@", b"`", b"\n", b"\r", b",", b";", b"=", b"\x1b[31m", b"1e999", b"2020-13-45",
    b"[" * 300, b"- " * 300, b"{a: " * 300, b"9" * 5000, b"\xe2\x80\xa8",
)  # fmt: skip


WRITTEN = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Door:
    """One way in.

    Attributes
    ----------
    name : str
    cases : hypothesis strategy
        Of whatever `enter` takes; `dataclass` cases show as they are when one is found.
    enter : callable
        Takes a case and an empty folder, and raises what a user would see.
    """

    name: str
    cases: st.SearchStrategy[Any]
    enter: Callable[[Any, Path], None]


@dataclass(frozen=True)
class Spec:
    """A YAML file under its name."""

    file: str
    content: bytes


@dataclass(frozen=True)
class Table:
    """A data file and the map that is to read it, None for the one that fits."""

    suffix: str
    content: bytes
    map: bytes | None = None


@dataclass(frozen=True)
class Request:
    """The body of a request for predictions."""

    content_type: str
    body: bytes


# --- changing what is sound


def hostile() -> st.SearchStrategy[Any]:
    """Values that nobody should write, and some that somebody will."""
    listed = st.sampled_from(HOSTILE).map(copy.deepcopy)
    simple = st.one_of(listed, st.integers(), st.floats(), st.text(max_size=12))
    nested = st.recursive(
        simple,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
        ),
        max_leaves=6,
    )
    return st.one_of(simple, simple, nested)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key or position in JSON-like content."""
    for key in [*content] if isinstance(content, dict) else range(len(content)):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])


@st.composite
def changed(draw: st.DrawFn, content: Any) -> Any:
    """Draw the content with one to three of its parts changed, left out, added, renamed or doubled."""
    made = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(made))
        if not places:
            return made
        inside, key = places[draw(st.integers(0, len(places) - 1))]
        old = inside[key]
        match draw(st.sampled_from(("value", "value", "number", "gone", "new", "other", "name", "twice"))):
            case "number" if isinstance(old, int | float) and not isinstance(old, bool):
                inside[key] = draw(st.sampled_from([0, -old, old * 10**9, old + 0.5, old * 1e-9, str(old)]))
            case "gone":
                del inside[key]
            case "new" if isinstance(old, dict):
                old[draw(st.text(max_size=8))] = draw(hostile())
            case "new" if isinstance(old, list):
                old.append(draw(hostile()))
            case "other":
                other, at = places[draw(st.integers(0, len(places) - 1))]
                inside[key] = copy.deepcopy(other[at])
            case "name" if isinstance(inside, dict):
                inside[draw(st.text(max_size=8))] = inside.pop(key)
            case "twice" if isinstance(old, list) and old:
                old.append(copy.deepcopy(old[0]))
            case _:
                inside[key] = draw(hostile())
    return made


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw the bytes with one to four spans cut, doubled, flipped, or something put between."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        span = draw(st.sampled_from((1, 2, 8, 40, 400)))
        match draw(st.sampled_from(("token", "token", "cut", "double", "flip", "end"))):
            case "cut":
                content = content[:at] + content[at + span :]
            case "double":
                content = content[: at + span] + content[at:]
            case "flip" if at < len(content):
                content = content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]
            case "end":
                content = content[:at]
            case _:
                content = content[:at] + draw(st.sampled_from(TOKENS)) + content[at:]
    return content


def as_yaml(content: Any) -> bytes:
    """Return the content as YAML that repeats no node by reference."""
    return bytes(yaml.dump(content, Dumper=_Plain, encoding="utf-8", allow_unicode=True, sort_keys=False))


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


# --- specs


def _specs(files: Sequence[Path]) -> st.SearchStrategy[Spec]:
    """Shipped files, changed in what they say or in how it is written."""
    known = {p: (text := p.read_bytes(), yaml.load(text, Loader=yaml.CSafeLoader)) for p in files}

    def of(path: Path) -> st.SearchStrategy[Spec]:
        text, content = known[path]
        made = st.one_of(changed(content).map(as_yaml), changed(content).map(as_yaml), damaged(text))
        return made.map(lambda written: Spec(path.name, written))

    return st.sampled_from(list(files)).flatmap(of)


def _put(case: Spec, folder: Path) -> Path:
    path = folder / case.file
    path.write_bytes(case.content)
    return path


def _experiment(case: Spec, folder: Path) -> None:
    from experiments.config import read_experiment
    from experiments.run import Options, resolve_sources
    from pipeline.run import check_names

    experiment = read_experiment(str(_put(case, folder)))
    check_names(experiment.analysis)
    resolve_sources(experiment, Options())


def _cohort(case: Spec, folder: Path) -> None:
    from synthetic_data.cohort_spec import plan_cohort, read_cohort_spec

    plan_cohort(read_cohort_spec(_put(case, folder)))


def _map(case: Spec, folder: Path) -> None:
    from pipeline.real_cohort import read_map

    read_map(_put(case, folder))


def _measurements(case: Spec, folder: Path) -> None:
    from pipeline.real_cohort import read_measurement_map

    read_measurement_map(_put(case, folder))


def _sweep(case: Spec, folder: Path) -> None:
    from experiments.sweep_command import check_objective
    from experiments.sweep_spec import read_sweep

    check_objective(*read_sweep(str(_put(case, folder))))


def _study(case: Spec, folder: Path) -> None:
    from experiments.studies import Asked

    spec = Asked("study", str(_put(case, folder))).read(study_kinds()[case.file])
    if type(spec).__name__ == "PolicyStudy":
        from experiments.decide_variants import checked_variants

        checked_variants(spec)


@cache
def study_kinds() -> dict[str, Any]:
    """Return the kind of spec of every shipped study, by the name of its file."""
    from experiments.benefit_command import BenefitStudy
    from experiments.decide_command import PolicyStudy, RandomisedStudy
    from experiments.dynamic_command import DynamicExperiment
    from experiments.enrich_command import EnrichStudy
    from experiments.mechanism_command import MechanismStudy
    from experiments.power_command import PowerStudy
    from experiments.toxicity_command import ToxicityStudy
    from experiments.transport_command import TransportExperiment

    ends = {
        "benefit": BenefitStudy, "dynamic": DynamicExperiment, "mechanism": MechanismStudy,
        "power": PowerStudy, "toxicity": ToxicityStudy, "transport": TransportExperiment,
        "policy": PolicyStudy, "switching": PolicyStudy, "switch": PolicyStudy, "decide": RandomisedStudy,
        "combination": EnrichStudy,
    }  # fmt: skip
    files = sorted((CONFIGS / "studies").glob("*.yaml"))
    return {p.name: ends[end] for p in files if (end := p.stem.rsplit("_", 1)[-1]) in ends}


def _rules(case: Spec, folder: Path) -> None:
    from experiments.config import read_spec
    from pipeline.drift import DriftRules

    read_spec(_put(case, folder), DriftRules)


def _evidence(case: Spec, folder: Path) -> None:
    from pipeline.schema import InputError
    from synthetic_data.evidence.markers import MarkerSpec
    from synthetic_data.evidence.register import read_file
    from synthetic_data.evidence.trials import TrialSpec

    path = _put(case, folder)
    kind = TrialSpec if (CONFIGS / "evidence" / "trials" / case.file).is_file() else MarkerSpec
    spec, findings = read_file(path, kind)
    if spec is None:
        raise InputError("; ".join(f.message for f in findings))


# --- tables

CELLS = (
    "", " ", "NA", ".", "-1", "0", "-0.0", "1e400", "1e-320", "nan", "inf", "-inf", "12,5", "1.234,5", "0x1F",
    "1_000", "=1+1", "'", '"', 'a"b', "a,b", "a;b", "a\nb", "\r", "\x00", "\x1b[31m", "TRUE", "yes", "CR",
    "2020-01-01", "2020-13-45", "9" * 400, "x" * 5000, "\u0661\u0662", "\u00bd", "\u202e", "\U0001f642",
    "<1", ">100",
    "10%", "1.0", "01", "+1", "1 2", "None", "[bold]", "{0}", "%s",
)  # fmt: skip
MAP: dict[str, Any] = {
    "kind": "file",
    "name": "fuzzed",
    "citation": "none",
    "patient": "ID",
    "missing": ["NA"],
    "arm": {"column": "ARM", "recode": {"A": "drug", "B": "control"}, "control": "control"},
    "site": {"column": "SITE"},
    "outcomes": {
        "os_months": {"column": "OS", "unit": "days"},
        "died": {"column": "DEAD", "event_value": 1, "censored_value": 0},
        "pfs_months": {"column": "PFS", "unit": "days"},
        "progressed_or_died": {"column": "PROG", "event_value": 1},
        "best_response": {"column": "BEST"},
    },
    "columns": {
        "age_years": {
            "column": "AGE", "kind": "number", "label": "Age", "unit": "years", "modality": "clinical",
            "low": 18, "high": 100,
        },
        "male": {
            "column": "SEX", "kind": "boolean", "label": "Male", "modality": "clinical",
            "recode": {"M": True, "F": False},
        },
        "smoking": {"column": "SMOKE", "kind": "category", "label": "Smoking", "modality": "clinical"},
        "nlr": {
            "column": "NLR", "kind": "number", "label": "NLR", "modality": "blood", "low": 0, "high": 200,
            "positive": True, "only_where": {"column": "ARM", "equals": ["A", "B"]},
        },
    },
    "adverse_events": {"onset": {"column": "AE_DAY", "unit": "days"}, "organ": "AE", "grade": "GRADE"},
    "leave_out_without": ["os_months"],
    "ignore": ["NOTE"],
}  # fmt: skip


@cache
def patients(n: int = 30) -> pd.DataFrame:
    """Return a sound table that `MAP` reads."""
    rng = np.random.default_rng(0)
    death, cut, progression = rng.exponential(400, n), rng.uniform(300, 900, n), rng.exponential(180, n)
    os_days = np.minimum(death, cut).round() + 1
    pfs_days = np.minimum(os_days, progression.round() + 1)
    return pd.DataFrame({
        "ID": [f"P{i:03d}" for i in range(n)],
        "ARM": rng.choice(["A", "B"], n),
        "SITE": rng.choice(["north", "south"], n),
        "AGE": rng.integers(40, 85, n).astype(str),
        "SEX": rng.choice(["M", "F"], n),
        "SMOKE": rng.choice(["never", "former", "current"], n),
        "NLR": rng.lognormal(1.2, 0.5, n).round(2).astype(str),
        "OS": os_days.astype(int).astype(str),
        "DEAD": (death <= cut).astype(int).astype(str),
        "PFS": pfs_days.astype(int).astype(str),
        "PROG": ((death <= cut) | (pfs_days < os_days)).astype(int).astype(str),
        "BEST": rng.choice(["CR", "PR", "SD", "PD"], n),
        "AE_DAY": np.where(rng.random(n) < 0.3, "20", "NA"),
        "AE": rng.choice(["lung", "skin"], n),
        "GRADE": rng.choice(["1", "3"], n),
        "NOTE": "x",
    })  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Draw the sound table with cells, columns and rows changed; all text."""
    table = patients().copy()
    for _ in range(draw(st.integers(0, 5))):
        row, column = draw(st.integers(0, len(table) - 1)), draw(st.integers(0, table.shape[1] - 1))
        table.iloc[row, column] = draw(st.one_of(st.sampled_from(CELLS), st.text(max_size=8)))
    for _ in range(draw(st.integers(0, 2))):
        column = draw(st.integers(0, table.shape[1] - 1))
        names = [str(c) for c in table.columns]
        match draw(st.sampled_from(("gone", "name", "twice", "same", "empty", "numbers"))):
            case "gone" if table.shape[1] > 1:
                table = table.iloc[:, [k for k in range(table.shape[1]) if k != column]]
            case "name":
                names[column] = draw(st.one_of(st.sampled_from(names), st.text(max_size=6)))
                table.columns = pd.Index(names)
            case "same":
                table.isetitem(column, [draw(st.sampled_from(CELLS))] * len(table))
            case "empty":
                table.isetitem(column, [""] * len(table))
            case "numbers":
                values = draw(st.lists(st.floats(), min_size=len(table), max_size=len(table)))
                table.isetitem(column, [str(v) for v in values])
            case _:
                table = pd.concat([table, table.iloc[:, [column]]], axis=1)
    rows = draw(st.sampled_from(("all", "all", "all", "none", "one", "two", "doubled")))
    keep = {"none": 0, "one": 1, "two": 2}
    if rows in keep:
        table = table.iloc[: keep[rows]]
    return pd.concat([table, table]) if rows == "doubled" else table


def as_delimited(table: pd.DataFrame, delimiter: str, encoding: str) -> bytes:
    """Return the table as a delimited file."""
    return table.to_csv(index=False, sep=delimiter, lineterminator="\n").encode(encoding, errors="replace")


def _delimited() -> st.SearchStrategy[Table]:
    written = st.builds(
        as_delimited, tables(), st.sampled_from((",", ",", ";", "\t", "|")),
        st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")),
    )  # fmt: skip
    content = st.one_of(written, written, written.flatmap(damaged), st.binary(max_size=60),
                        st.text(max_size=60).map(str.encode))  # fmt: skip
    return st.builds(Table, st.just(".csv"), content, _maps())


def _maps() -> st.SearchStrategy[bytes | None]:
    return st.one_of(st.none(), st.none(), changed(MAP).map(as_yaml))


KINDS: tuple[Callable[[pd.Series[Any]], Any], ...] = (
    lambda s: s,
    lambda s: pd.to_numeric(s, errors="coerce"),
    lambda s: pd.to_numeric(s, errors="coerce").astype("Float64").round().astype("Int64"),
    lambda s: s.astype("category"),
    lambda s: s.str.encode("utf-8"),
    lambda s: [[v] for v in s],
    lambda s: [{"v": v} for v in s],
    lambda s: pd.Timestamp("2020-01-01"),
    lambda s: pd.Timedelta(days=3),
    lambda s: s == "1",
    lambda s: None,
    lambda s: pd.to_numeric(s, errors="coerce").astype("float32"),
)


@st.composite
def _parquet(draw: st.DrawFn) -> bytes:
    table = draw(tables())
    table.columns = pd.Index([f"{c}{k}" if k in np.flatnonzero(table.columns.duplicated()) else str(c)
                              for k, c in enumerate(table.columns)])  # fmt: skip
    if table.columns.duplicated().any():
        return b"PAR1"
    for _ in range(draw(st.integers(0, 4))):
        column = draw(st.integers(0, table.shape[1] - 1))
        values = KINDS[draw(st.integers(0, len(KINDS) - 1))](table.iloc[:, column].astype(str))
        table = table.assign(**{str(table.columns[column]): values})
    if draw(st.booleans()):
        table = table.set_index(table.columns[0])
    file = io.BytesIO()
    try:
        table.to_parquet(file)
    except Exception:  # what pandas cannot write, nobody can send
        return b"PAR1"
    return file.getvalue()


def _workbook(table: pd.DataFrame) -> bytes:
    import openpyxl
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("patients")
    for row in [list(table.columns), *table.itertuples(index=False, name=None)]:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", str(v))[:2000] for v in row])
    file = io.BytesIO()
    book.save(file)
    # The time of writing goes out of it: the same table is to be the same bytes whenever it is drawn.
    packed = io.BytesIO()
    with zipfile.ZipFile(file) as made, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as timeless:
        for name in made.namelist():
            timeless.writestr(zipfile.ZipInfo(name), WRITTEN.sub(b"2020-01-01T00:00:00Z", made.read(name)))
    return packed.getvalue()


def _packed(written: st.SearchStrategy[bytes], suffix: str) -> st.SearchStrategy[Table]:
    content = st.one_of(written, written.flatmap(damaged))
    return st.builds(Table, st.just(suffix), content, _maps())


def _table(case: Table, folder: Path) -> None:
    from experiments.cohort_command import known_columns
    from pipeline.real_cohort import read_cohort, read_map
    from pipeline.real_cohort.draft import draft_map
    from pipeline.real_cohort.file_check import check_file, check_table_of
    from pipeline.schema import InputError

    data, written = folder / f"patients{case.suffix}", folder / "map.yaml"
    data.write_bytes(case.content)
    written.write_bytes(as_yaml(MAP) if case.map is None else case.map)
    mapped = read_map(written)
    refusals: list[InputError] = []
    drafted = folder / "drafted.yaml"

    def draft() -> None:
        from pipeline.yaml_file import read_yaml

        drafted.write_text(draft_map(data, _known(known_columns)), encoding="utf-8")
        read_yaml(drafted)

    for act in (draft, lambda: check_table_of(check_file(mapped, data)), lambda: read_cohort(mapped, data)):
        try:
            act()
        except InputError as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[-1]


@cache
def _known(columns: Callable[[], Any]) -> Any:
    return columns()


# --- rows to predict from


def bodies(good: dict[str, Any]) -> st.SearchStrategy[Request]:
    """Return requests around a row that can be predicted from, in every format MLflow takes."""
    split = {"columns": list(good), "data": [list(good.values())] * 2}
    documents = (
        {"dataframe_records": [good, good], "params": {"months": [6.0, 12.0], "explain": True}},
        {"dataframe_records": [good]},
        {"dataframe_split": split, "params": {"months": [6.0]}},
        {"inputs": {name: [value] for name, value in good.items()}},
        {"instances": [good]},
    )

    def of(document: Any) -> st.SearchStrategy[Request]:
        text = json.dumps(document).encode()
        made = st.one_of(changed(document).map(lambda d: json.dumps(d, default=str).encode()), damaged(text))
        return made.map(lambda body: Request("application/json", body))

    lines = ",".join(good) + "\n" + ",".join("" if v is None else str(v) for v in good.values()) + "\n"
    file = io.BytesIO()
    pd.DataFrame([good]).to_parquet(file)
    return st.one_of(
        st.sampled_from(documents).flatmap(of),
        st.sampled_from(documents).flatmap(of),
        st.sampled_from(documents).flatmap(of),
        damaged(lines.encode()).map(lambda body: Request("text/csv", body)),
        damaged(file.getvalue()).map(lambda body: Request("application/vnd.apache.parquet", body)),
        st.builds(Request, st.text(max_size=20), st.binary(max_size=40)),
    )


@st.composite
def served_rows(draw: st.DrawFn) -> tuple[pd.DataFrame, Any]:
    """Draw a frame of rows as MLflow hands them on, and horizons."""
    good = {"age_years": 61.0, "smoking": "never", "male": 1.0, "arm": "a"}
    rows = draw(st.lists(st.one_of(changed(good), st.just(good)), max_size=4))
    return pd.DataFrame([r for r in rows if isinstance(r, dict)]), draw(
        st.one_of(st.just([6.0, 12.0]), st.lists(st.floats(), max_size=4), st.floats())
    )


def _served_rows(case: tuple[pd.DataFrame, Any], folder: Path) -> None:
    from pipeline.schema import Column
    from pipeline.tracking.served_rows import Served

    columns = (
        Column("age_years", "baseline", "number", "Age", "years", low=18, high=110),
        Column("male", "baseline", "boolean"),
        Column("smoking", "baseline", "category", categories=("never", "former")),
        Column("arm", "arm", "category"),
    )
    served = Served(columns, ("a", "b"), 24.0)
    served.months(case[1])
    served.rows(case[0])


def doors() -> list[Door]:
    """Every way in that needs no trained model."""
    every = sorted((CONFIGS / "cohorts").glob("*.yaml"))
    files = [p for p in every if b"kind: file" in p.read_bytes()]
    trials = [p for p in every if p not in files]
    register = CONFIGS / "evidence"
    evidence = sorted([*register.glob("trials/*.yaml"), *register.glob("biomarkers/*.yaml")])
    studies = [CONFIGS / "studies" / name for name in study_kinds()]

    def of(kind: str) -> list[Path]:
        return sorted((CONFIGS / kind).glob("*.yaml"))

    return [
        Door("experiments", _specs(of("experiments")), _experiment),
        Door("cohorts", _specs(trials), _cohort),
        Door("studies", _specs(studies), _study),
        Door("sweeps", _specs(of("sweeps")), _sweep),
        Door("maps", _specs(files), _map),
        Door("measurements", _specs(of("measurements")), _measurements),
        Door("thresholds", _thresholds(), _rules),
        Door("evidence", _specs(evidence), _evidence),
        Door("delimited", _delimited(), _table),
        Door("parquet", _packed(_parquet(), ".parquet"), _table),
        Door("workbook", _packed(tables().map(_workbook), ".xlsx"), _table),
        Door("served rows", served_rows(), _served_rows),
    ]


def _thresholds() -> st.SearchStrategy[Spec]:
    from pipeline.drift import DriftRules

    stated = DriftRules().model_dump(mode="json")
    return changed(stated).map(lambda content: Spec("rules.yaml", as_yaml(content)))
