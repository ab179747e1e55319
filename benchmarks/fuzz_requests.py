"""Doors of the served model: bodies of requests, and rows as MLflow hands them on."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from benchmarks.fuzz_changes import changed, damaged


@dataclass(frozen=True)
class Request:
    """The body of a request for predictions."""

    content_type: str
    body: bytes


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


def enter_served_rows(case: tuple[pd.DataFrame, Any], folder: Path) -> None:
    """Hand rows and horizons to what checks them before a model sees them."""
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
