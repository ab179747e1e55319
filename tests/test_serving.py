"""The models as MLflow's scoring server answers with them: what is right, and what is refused."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_cohort import made_cohort

from benchmarks.bench_serving import ask, bad_bodies, largest_difference, latencies, served
from benchmarks.scoring_app import ScoringApp
from pipeline.artifacts import load_run
from pipeline.models import load_model
from pipeline.schema import Column, InputError
from pipeline.tracking import crown, resolve_store, track_run
from pipeline.tracking.champion import best_trained
from pipeline.tracking.served_rows import Served

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)
MONTHS = [18.0, 3.0, 7.5]
GOOD: dict[str, Any] = {
    "age_years": 61, "nlr": 4.1, "noise": 0.2, "pdl1_tps_percent": 50, "male": 1, "arm": "pembrolizumab",
}  # fmt: skip


@pytest.fixture(scope="module")
def filed(
    small_run: Path, empty_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """The store the small run is filed in, and its parent run."""
    uri = resolve_store(str(shutil.copy(empty_store, tmp_path_factory.mktemp("store"))))
    return uri, track_run(load_run(small_run), uri, "served")


@pytest.fixture(scope="module")
def servers(filed: tuple[str, str]) -> Iterator[dict[str, ScoringApp]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")  # the server sets it; so it is unset after
        yield {name: ScoringApp(filed[0], name, "served") for name in ("cox", "rsf", "pdl1")}


def patients(n: int) -> pd.DataFrame:
    cohort = made_cohort(n, 9)
    return cohort.observed[[c.name for c in cohort.columns if c.role in ("baseline", "arm")]]


@pytest.mark.parametrize("model", ["cox", "rsf", "pdl1"])
def test_500_rows_are_answered_as_the_model_in_this_process_answers(
    servers: dict[str, ScoringApp], small_run: Path, model: str
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


def test_horizons_left_out_are_those_of_the_run(servers: dict[str, ScoringApp]) -> None:
    answer = servers["cox"].ask({"dataframe_records": [GOOD]})
    assert list(answer.json()["predictions"][0]) == ["survival_6_months", "survival_12_months"]


BAD = bad_bodies(GOOD)
CSV = ",".join(GOOD) + "\n"


@pytest.mark.parametrize("model", ["cox", "rsf", "pdl1"])
def test_what_cannot_be_predicted_from_is_a_400_with_the_reason(
    servers: dict[str, ScoringApp], model: str
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
def test_other_formats_too(servers: dict[str, ScoringApp], content: str, body: Any, status: int) -> None:
    assert servers["cox"].ask(body, content).status_code == status


def test_a_parquet_file_is_answered(servers: dict[str, ScoringApp]) -> None:
    file = io.BytesIO()
    patients(20).assign(male=lambda f: f["male"].astype(float)).to_parquet(file)
    answer = servers["rsf"].ask(file.getvalue(), "application/vnd.apache.parquet")
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 20


def test_missing_values_are_no_fault(servers: dict[str, ScoringApp]) -> None:
    answer = servers["rsf"].ask({"dataframe_records": [GOOD, GOOD | {"pdl1_tps_percent": None, "nlr": None}]})
    assert answer.status_code == 200
    first, second = answer.json()["predictions"]
    assert first != second


def test_what_is_asked_to_be_explained_adds_up(servers: dict[str, ScoringApp], small_run: Path) -> None:
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


@pytest.fixture(scope="module")
def address(filed: tuple[str, str], small_run: Path) -> Iterator[str]:
    """Where `mlflow models serve` answers with the champion of a store that is MLflow's default there."""
    uri, parent = filed
    folder = Path(uri.removeprefix("sqlite:///")).parent
    crown(load_run(small_run), parent, uri, None, np.random.default_rng(1))
    with served(folder, "lungio-small-os", folder / "server.log") as found:
        yield found


def test_the_served_champion_answers_over_a_socket_as_the_model_does(address: str, small_run: Path) -> None:
    best = best_trained(load_run(small_run))
    assert largest_difference(address, small_run, str(best), patients(500)) <= 1e-9
    body = {"dataframe_records": [GOOD], "params": {"explain": True}}
    assert any(name.startswith("shap_") for name in ask(address, body)[1]["predictions"][0])
    assert (latencies(address, {"dataframe_records": [GOOD]}, 3) > 0).all()


def test_the_server_refuses_bad_rows_by_400_with_the_reason_and_goes_on(address: str) -> None:
    wrong = {}
    for kind, (body, reason) in BAD.items():
        status, answer = ask(address, body)
        if status != 400 or reason not in answer["message"]:
            wrong[kind] = (status, answer)
    assert not wrong, "\n".join(f"{kind}: {got}" for kind, got in wrong.items())
    assert ask(address, {"dataframe_records": [GOOD]})[0] == 200


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
