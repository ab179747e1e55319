"""Tables of measurements and series, read by a map: values, groups, and every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.real_cohort import (
    MeasurementMap,
    SeriesMap,
    read_measurement_map,
    read_measurements,
    read_series,
)
from pipeline.schema import InputError

MAPS = Path(__file__).resolve().parents[2] / "configs" / "measurements"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "realdata"
CYTOKINE = {"kind": "number", "label": "IL-6", "unit": "pg/mL", "modality": "cytokine", "positive": True}
SPEC = {
    "kind": "measurements",
    "name": "made",
    "citation": "nobody",
    "patient": "id",
    "where": [{"column": "visit", "equals": "BL"}],
    "estimated_prefix": "*",
    "columns": {"il6": {"column": "IL-6", "recode": {"LOW": 0.5}, **CYTOKINE}},
    "groups": {"lung": {"file": "who.csv", "column": "cancer", "equals": "lung"}},
}
SERIES = {
    "kind": "series",
    "name": "made",
    "citation": "nobody",
    "patient": ["arm", "id"],
    "missing": ["NE"],
    "day": "day",
    "value": "mm",
    "recode": {"SMALL": 2.5},
    "column": "target_lesions_mm",
}


def measured(tmp_path, rows: str):
    (tmp_path / "data.csv").write_text("id,visit,IL-6\n" + rows)
    (tmp_path / "who.csv").write_text("id,cancer\na,lung\nb,skin\nc,lung\n")
    return read_measurements(MeasurementMap.model_validate(SPEC), tmp_path / "data.csv")


def test_values_marks_limits_and_groups_are_read(tmp_path) -> None:
    got = measured(tmp_path, "a,BL,3.5\na,later,9\nb,BL,*1.25\nc,BL,LOW\n")
    assert got.observed["il6"].to_dict() == {"a": 3.5, "b": 1.25, "c": 0.5}
    assert list(got.groups["lung"]) == ["a", "c"]
    (column,) = got.columns
    assert (column.unit, column.positive, column.role) == ("pg/mL", True, "baseline")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,BL,3\na,BL,4\n", "more than one row"),
        ("a,BL,high\n", "1 text in a number column"),
        ("a,later,3\n", "no row is left"),
        ("b,BL,3\n", "no patient has 'lung'"),
    ],
)
def test_faults_are_named(tmp_path, rows: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        measured(tmp_path, rows)


def test_a_missing_header_is_named_with_those_there(tmp_path) -> None:
    (tmp_path / "data.csv").write_text("id,visit\na,BL\n")
    with pytest.raises(InputError, match=r"no column 'IL-6'; it has id, visit"):
        read_measurements(MeasurementMap.model_validate(SPEC), tmp_path / "data.csv")


def test_a_series_is_read_by_patient_and_day(tmp_path) -> None:
    (tmp_path / "data.csv").write_text("arm,id,day,mm\nA,1,-3,20\nA,1,40,SMALL\nB,1,0,NE\n")
    got = read_series(SeriesMap.model_validate(SERIES), tmp_path / "data.csv")
    assert got.to_dict("records") == [
        {"patient": "A 1", "day": -3.0, "value": 20.0},
        {"patient": "A 1", "day": 40.0, "value": 2.5},
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"kind": "other"}, "kind must be one of"), ({"colour": 1}, "colour"), ({"patient": 3.5}, "patient")],
)
def test_a_broken_map_is_named(tmp_path, change, said: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(yaml.safe_dump(SPEC | change))
    with pytest.raises(InputError, match=said):
        read_measurement_map(path)
    with pytest.raises(InputError, match="there is no such file"):
        read_measurement_map(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_maps_are_read(path: Path) -> None:
    assert read_measurement_map(path).name == path.stem


def test_the_open_cytokine_table_is_read_whole() -> None:
    data = SHARED / "khan2025_cytokines_long.csv"
    if not data.is_file():
        pytest.skip("the open cytokine table is not beside this checkout")
    spec = read_measurement_map(MAPS / "khan2025.yaml")
    assert isinstance(spec, MeasurementMap)
    got = read_measurements(spec, data)
    assert len(got.observed) == 146
    assert len(got.groups["nsclc"]) == 73
    assert got.observed.notna().all(axis=None)


def test_the_open_lesion_table_is_read_whole() -> None:
    data = SHARED / "laleh2022_lesion_size_long.csv"
    if not data.is_file():
        pytest.skip("the open lesion table is not beside this checkout")
    spec = read_measurement_map(MAPS / "laleh2022.yaml")
    assert isinstance(spec, SeriesMap)
    got = read_series(spec, data)
    assert got["patient"].nunique() > 300
    assert got["value"].between(0, 400).all()
