"""The models as MLflow's scoring server answers with them: what is right, and what is refused."""

from __future__ import annotations

import asyncio
import io
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_cohort import made_cohort

from pipeline.artifacts import load_run
from pipeline.models import load_model
from pipeline.schema import Column, InputError
from pipeline.tracking import resolve_store, track_run
from pipeline.tracking.served_rows import Served

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)
MONTHS = [18.0, 3.0, 7.5]
GOOD: dict[str, Any] = {
    "age_years": 61, "nlr": 4.1, "noise": 0.2, "pdl1_tps_percent": 50, "male": 1, "arm": "pembrolizumab",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status_code: int
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Server:
    """MLflow's own scoring server around one model, in this process."""

    def __init__(self, uri: str, model: str) -> None:
        import mlflow
        from mlflow.pyfunc import scoring_server

        mlflow.set_tracking_uri(uri)
        try:
            client = mlflow.MlflowClient(tracking_uri=uri)
            experiment = client.get_experiment_by_name("served")
            (found,) = [m for m in client.search_logged_models([experiment.experiment_id]) if m.name == model]
            loaded = mlflow.pyfunc.load_model(found.model_uri)
        finally:
            mlflow.set_tracking_uri(None)
        self.app = scoring_server.init(loaded)

    def ask(self, body: Any, content: str = "application/json") -> Answer:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        sent = text.encode() if isinstance(text, str) else text
        return asyncio.run(self._ask(sent, content))

    async def _ask(self, sent: bytes, content: str) -> Answer:
        """One request as uvicorn hands it to the application."""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "path": "/invocations", "raw_path": b"/invocations", "query_string": b"",
            "root_path": "", "headers": [(b"content-type", content.encode())],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        messages: list[Any] = []
        given = iter([{"type": "http.request", "body": sent, "more_body": False}])

        async def receive() -> Any:
            return next(given, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            messages.append(message)

        try:
            await self.app(scope, receive, send)
        except Exception as error:  # what uvicorn answers with code 500
            return Answer(500, repr(error))
        content_sent = b"".join(m.get("body", b"") for m in messages[1:])
        return Answer(messages[0]["status"], content_sent.decode())


@pytest.fixture(scope="module")
def servers(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")  # the server sets it; so it is unset after
        uri = resolve_store(str(tmp_path_factory.mktemp("store") / "mlflow.db"))
        track_run(load_run(small_run), uri, "served")
        yield {name: Server(uri, name) for name in ("cox", "rsf", "pdl1")}


def patients(n: int) -> pd.DataFrame:
    cohort = made_cohort(n, 9)
    return cohort.observed[[c.name for c in cohort.columns if c.role in ("baseline", "arm")]]


@pytest.mark.parametrize("model", ["cox", "rsf", "pdl1"])
def test_500_rows_are_answered_as_the_model_in_this_process_answers(
    servers: dict[str, Server], small_run: Path, model: str
) -> None:
    frame = patients(500)
    body = {"dataframe_split": json.loads(frame.to_json(orient="split")), "params": {"months": MONTHS}}
    answer = servers[model].ask(body)
    assert answer.status_code == 200, answer.text
    served = pd.DataFrame(answer.json()["predictions"])
    assert list(served) == ["survival_18_months", "survival_3_months", "survival_7.5_months"]
    here = load_model(load_run(small_run).models()[model]).predict(frame, np.sort(MONTHS))
    wanted = np.column_stack([here.at(m) for m in MONTHS])
    assert wanted.std() > 0.01
    np.testing.assert_allclose(served.to_numpy(), wanted, rtol=0, atol=1e-9)


def test_horizons_left_out_are_those_of_the_run(servers: dict[str, Server]) -> None:
    answer = servers["cox"].ask({"dataframe_records": [GOOD]})
    assert list(answer.json()["predictions"][0]) == ["survival_6_months", "survival_12_months"]


def records(**changes: Any) -> dict[str, Any]:
    """A body with a good row before one that is changed."""
    return {"dataframe_records": [GOOD, GOOD | changes]}


def without(*names: str) -> dict[str, Any]:
    return {"dataframe_records": [{k: v for k, v in GOOD.items() if k not in names}]}


def asked(**params: Any) -> dict[str, Any]:
    return {"dataframe_records": [GOOD], "params": params}


NOTHING = dict.fromkeys(GOOD) | {"arm": GOOD["arm"]}
SPLIT = {"columns": list(GOOD), "data": [list(GOOD.values())]}
CSV = ",".join(GOOD) + "\n"
BAD: dict[str, tuple[Any, str]] = {
    "a column is missing": (without("nlr"), "nlr"),
    "two columns are missing": (without("nlr", "arm"), "arm"),
    "no column is known": ({"dataframe_records": [{"x": 1}]}, "age_years"),
    "age below zero": (records(age_years=-5), "row 2: age_years must be a finite number of at least 0 years"),
    "ratio below zero": (records(nlr=-0.1), "row 2: nlr must be"),
    "share above 100": (records(pdl1_tps_percent=101), "row 2: pdl1_tps_percent must be from 0 to 100 %"),
    "share below zero": (records(pdl1_tps_percent=-1), "Got -1 instead"),
    "a word for a number": (records(age_years="old"), "old"),
    "an empty word for a number": (records(age_years=""), "age_years"),
    "a list for a number": (records(age_years=[61]), "age_years"),
    "an object for a number": (records(age_years={"years": 61}), "age_years"),
    "a date for a number": (records(age_years="1961-01-01"), "1961"),
    "infinity": (records(nlr=math.inf), "Got inf instead"),
    "a number too large for a float": (json.dumps(records(nlr=0.25)).replace("0.25", "1e999"), "inf"),
    "a fact that is 2": (records(male=2), "row 2: male must be 0 or 1"),
    "a fact that is a half": (records(male=0.5), "male must be 0 or 1"),
    "a fact that is a word": (records(male="yes"), "yes"),
    "an arm never trained on": (records(arm="surgery"), "arm must be one of pembrolizumab, chemotherapy"),
    "an arm in capitals": (records(arm="PEMBROLIZUMAB"), "arm must be one of"),
    "no arm": (records(arm=None), "arm is missing"),
    "an arm that is a number": (records(arm=1), "arm"),
    "nothing measured": ({"dataframe_records": [NOTHING]}, "row 1: no baseline value is given"),
    "no rows": ({"dataframe_records": []}, ""),
    "no rows but columns": ({"dataframe_split": SPLIT | {"data": []}}, "no row"),
    "rows of unequal length": ({"dataframe_split": SPLIT | {"data": [[1, 2]]}}, "columns"),
    "a column twice": (
        {"dataframe_split": {"columns": [*GOOD, "nlr"], "data": [[*GOOD.values(), 3.0]]}}, "nlr"
    ),
    "a bare list": ([GOOD], "list"),
    "a row without a format": (GOOD, "dataframe_records"),
    "two formats": ({"dataframe_records": [GOOD], "dataframe_split": SPLIT}, "dataframe_split"),
    "records that are no list": ({"dataframe_records": GOOD}, "list"),
    "no JSON": ("{", "JSON"),
    "nothing": ("", "JSON"),
    "a horizon of zero": (asked(months=[0.0]), "above 0"),
    "a horizon below zero": (asked(months=[-6.0]), "Got -6 instead"),
    "a horizon past follow-up": (asked(months=[12.0, 600.0]), "the longest follow-up"),
    "a horizon that is no number": (asked(months=[math.nan]), "Got nan instead"),
    "the same horizon twice": (asked(months=[6.0, 6.0]), "6 is asked for more than once"),
    "no horizon": (asked(months=[]), "Got 0 instead"),
    "a horizon in words": (asked(months=["a year"]), "months"),
    "a thousand horizons": (asked(months=[1 + k / 100 for k in range(1000)]), "Got 1000 instead"),
    "params that are a list": ({"dataframe_records": [GOOD], "params": [6]}, "dictionary"),
    "explain that is a word": (asked(explain="please"), "explain"),
}  # fmt: skip


@pytest.mark.parametrize("model", ["cox", "rsf", "pdl1"])
def test_what_cannot_be_predicted_from_is_a_400_with_the_reason(
    servers: dict[str, Server], model: str
) -> None:
    assert len(BAD) >= 30
    wrong = {}
    for name, (body, reason) in BAD.items():
        answer = servers[model].ask(body)
        if answer.status_code != 400 or reason not in answer.json()["message"]:
            wrong[name] = (answer.status_code, answer.text[:600])
    assert not wrong, "\n".join(f"{name}: {got}" for name, got in wrong.items())


@pytest.mark.parametrize(
    ("content", "body", "status"),
    [
        ("text/csv", CSV + "61,4.1,0.2,50,1,pembrolizumab\n", 200),
        ("text/csv", CSV + "61,,0.2,50,1,pembrolizumab\n", 200),
        ("text/csv", CSV + "-1,4.1,0.2,50,1,pembrolizumab\n", 400),
        ("text/csv", CSV + "old,4.1,0.2,50,1,pembrolizumab\n", 400),
        ("text/csv", CSV, 400),
        ("text/csv", b"\xff\xfe\x00", 400),
        ("application/vnd.apache.parquet", b"PAR1 but no more", 400),
        ("application/xml", "<row/>", 415),
        ("application/json; charset=latin-1", "{}", 415),
    ],
)
def test_other_formats_too(servers: dict[str, Server], content: str, body: Any, status: int) -> None:
    assert servers["cox"].ask(body, content).status_code == status


def test_a_parquet_file_is_answered(servers: dict[str, Server]) -> None:
    file = io.BytesIO()
    patients(20).assign(male=lambda f: f["male"].astype(float)).to_parquet(file)
    answer = servers["rsf"].ask(file.getvalue(), "application/vnd.apache.parquet")
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 20


def test_missing_values_are_no_fault(servers: dict[str, Server]) -> None:
    answer = servers["rsf"].ask(records(pdl1_tps_percent=None, nlr=None))
    assert answer.status_code == 200
    first, second = answer.json()["predictions"]
    assert first != second


def test_what_is_asked_to_be_explained_adds_up(servers: dict[str, Server], small_run: Path) -> None:
    frame = patients(30)
    split = json.loads(frame.to_json(orient="split"))
    body = {"dataframe_split": split, "params": {"months": [12.0, 6.0], "explain": True}}
    forest = pd.DataFrame(servers["rsf"].ask(body).json()["predictions"])
    base = forest["survival_12_months"] - forest.filter(regex=r"^shap_12_months\[").sum(axis=1)
    np.testing.assert_allclose(base, base.iloc[0], rtol=0, atol=1e-9)
    assert {"shap_6_months[nlr]", "shap_12_months[arm]"} <= set(forest)
    cox = pd.DataFrame(servers["cox"].ask(body).json()["predictions"])
    model = load_model(load_run(small_run).models()["cox"])
    risk = model.predict(frame, np.array([6.0])).risk
    np.testing.assert_allclose(cox.filter(like="shap_").sum(axis=1), risk, rtol=0, atol=1e-9)
    refused = servers["pdl1"].ask(body)
    assert refused.status_code == 400
    assert "has no exact explanation" in refused.json()["message"]


def test_one_row_is_answered_each_time(servers: dict[str, Server]) -> None:
    """How long it takes is printed (pytest -s) and no condition."""
    took = []
    for _ in range(20):
        start = time.perf_counter()
        assert servers["rsf"].ask({"dataframe_records": [GOOD]}).status_code == 200
        took.append(time.perf_counter() - start)
    print(f"one row: median {np.median(took) * 1000:.0f} ms, p95 {np.quantile(took, 0.95) * 1000:.0f} ms")


# --- what is looked at, without a server

COLUMNS = (
    Column("age_years", "baseline", "number", "Age", "years", low=18, high=110),
    Column("smoking", "baseline", "category", categories=("never", "former")),
    Column("arm", "arm", "category"),
)
SERVED = Served(COLUMNS, ("a", "b"), 24.0)


def test_every_fault_is_named_with_its_row() -> None:
    table = pd.DataFrame(
        {"age_years": [60, 5, 50], "smoking": ["never", "pipe", None], "arm": ["a", "c", "b"]}
    )
    with pytest.raises(InputError) as caught:
        SERVED.rows(table)
    lines = str(caught.value).splitlines()
    assert lines[0] == "1 of 3 rows cannot be predicted from, so none was:"
    assert lines[1:] == [
        "  row 2: age_years must be from 18 to 110 years. Got 5 instead",
        "  row 2: smoking must be one of never, former. Got 'pipe' instead",
        "  row 2: arm must be one of a, b. Got 'c' instead",
    ]


def test_a_thousand_faults_are_counted_and_not_all_spelt() -> None:
    table = pd.DataFrame({"age_years": [5] * 1000, "smoking": "never", "arm": "a"})
    with pytest.raises(InputError) as caught:
        SERVED.rows(table)
    assert str(caught.value).endswith("and 980 faults more")


def test_what_is_served_is_the_same_after_writing(tmp_path: Path) -> None:
    assert Served.read(SERVED.write(tmp_path / "served.json")) == SERVED
