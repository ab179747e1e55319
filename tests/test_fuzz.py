"""What was found by throwing bad files at every door, and a short throw of the same kind each time."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.bench_fuzz import TooSlow, enter, time_limit
from benchmarks.fuzz_cases import Door, doors
from pipeline.real_cohort.table_file import read_table
from pipeline.schema import InputError

DOORS = {door.name: door for door in doors()}
CASES = {"cohorts": 15, "evidence": 40, "sweeps": 15, "workbook": 15, "parquet": 25, "experiments": 15}


@pytest.mark.parametrize("name", DOORS)
def test_what_nobody_should_send_is_taken_or_refused_in_plain_words(name: str) -> None:
    door, taken = DOORS[name], [0, 0]

    def throw(case: object) -> None:
        with time_limit(10):
            taken[enter(door, case)] += 1

    settings(
        max_examples=CASES.get(name, 60), derandomize=True, deadline=None, database=None,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
    )(given(door.cases)(throw))()  # fmt: skip
    assert taken[False], "nothing was refused: the cases are too tame"


def test_the_test_above_can_fail(tmp_path: Path) -> None:
    broken = Door("broken", DOORS["served rows"].cases, lambda case, folder: {}["x"])
    with pytest.raises(KeyError):
        enter(broken, None)
    with pytest.raises(TooSlow), time_limit(0.01):
        time.sleep(5)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n".encode("utf-16")[:-1], "begins as UTF-16 does, but is none"),
        (b" ,\n,\n", "every cell of the file is empty"),
        (b"@attribute a numeric\n@data\n" + b"'" + b"9" * 200_000 + b"\n", "not a readable CSV file"),
    ],
)
def test_tables_that_once_ended_in_a_traceback_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "patients.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_table(path)


@pytest.mark.parametrize(
    "note", [b'{"index_columns\x01": []}', b"[1]", b'{"index_columns": 3, "columns": []}']
)
def test_a_parquet_file_whose_note_of_pandas_is_damaged_is_refused(tmp_path: Path, note: bytes) -> None:
    path = tmp_path / "patients.parquet"
    pq.write_table(pa.table({"age": [60, 61]}).replace_schema_metadata({b"pandas": note}), path)
    with pytest.raises(InputError, match="a damaged Parquet file"):
        read_table(path)
