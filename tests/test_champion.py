"""Which model is registered, and when the alias `champion` moves."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts import load_run
from pipeline.config import Analysis
from pipeline.evaluate.horizons import prediction_months
from pipeline.models import load_model
from pipeline.run import RunPlan
from pipeline.schema import Cohort
from pipeline.tracking import crown, resolve_store, track_run, verdict_line
from pipeline.tracking.champion import ALIAS, RULE, Verdict, best_trained, paired_difference

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
NAME = "lungio-small-os"


@dataclass(frozen=True)
class Registry:
    uri: str
    run: Path
    parent: str
    client: Any
    external: Cohort

    def crown(self, external: Cohort | None) -> Verdict:
        rng = np.random.default_rng(4)
        verdict = crown(load_run(self.run), self.parent, self.uri, external, rng)
        assert verdict is not None
        return verdict

    @property
    def champion(self) -> str:
        return str(self.client.get_model_version_by_alias(NAME, ALIAS).version)

    def tags(self, version: str) -> dict[str, str]:
        return dict(self.client.get_model_version(NAME, version).tags)

    def enthrone(self, model: str, trained_on: str) -> str:
        """Give the alias to another model of the same run, as if an earlier run had found it best."""
        parent = self.client.get_run(self.parent)
        (child,) = self.client.search_runs(
            [parent.info.experiment_id],
            f"tags.`mlflow.parentRunId` = '{self.parent}' and tags.model = '{model}'",
        )
        stored = self.client.get_logged_model(child.outputs.model_outputs[0].model_id)
        version = self.client.create_model_version(NAME, stored.artifact_location)
        self.client.set_model_version_tag(NAME, version.version, "trained_on", trained_on)
        self.client.set_registered_model_alias(NAME, ALIAS, version.version)
        return str(version.version)


@pytest.fixture(scope="module")
def registry(
    small_run: Path, small_plan: RunPlan, empty_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Registry:
    import mlflow

    uri = resolve_store(str(shutil.copy(empty_store, tmp_path_factory.mktemp("registry"))))
    parent = track_run(load_run(small_run), uri, "champions")
    assert small_plan.external is not None
    return Registry(uri, small_run, parent, mlflow.MlflowClient(tracking_uri=uri), small_plan.external)


def test_the_alias_moves_by_the_rule_and_only_by_it(registry: Registry) -> None:
    best = best_trained(load_run(registry.run))
    first = registry.crown(registry.external)
    assert (first.name, first.model, first.crowned) == (NAME, best, True)
    assert first.reason == "there was no champion"
    assert registry.champion == first.version
    assert registry.tags(first.version)["rule"] == RULE

    again = registry.crown(registry.external)
    assert not again.crowned
    assert again.difference == (0.0, 0.0, 0.0)  # the same model on the same patients
    assert registry.champion == first.version

    alone = registry.crown(None)
    assert "no external patients" in alone.reason
    assert registry.champion == first.version

    weak = registry.enthrone("pdl1", trained_on="f" * 64)
    risen = registry.crown(registry.external)
    assert risen.crowned
    assert risen.difference is not None
    assert risen.difference[1] > 0
    assert f"above that of version {weak}" in risen.reason
    assert registry.champion == risen.version
    assert float(registry.tags(risen.version)["difference_low"]) == risen.difference[1]
    assert verdict_line(risen).startswith(f"{NAME} version {risen.version} ({best}), now champion")

    seen = registry.enthrone("pdl1", load_run(registry.run).facts["cohorts"]["external"]["sha256"])
    refused = registry.crown(registry.external)
    assert "it was trained on the run's external patients" in refused.reason
    assert registry.champion == seen


def test_a_registered_model_can_be_loaded_by_its_alias(registry: Registry) -> None:
    import mlflow

    if not registry.client.search_registered_models():
        registry.crown(registry.external)
    mlflow.set_tracking_uri(registry.uri)
    try:
        model = mlflow.pyfunc.load_model(f"models:/{NAME}@{ALIAS}")
    finally:
        mlflow.set_tracking_uri(None)
    patients = load_run(registry.run).table("typical_patients").reset_index(drop=True)
    assert model.predict(patients).shape == (3, 2)


def test_the_best_trained_model_is_neither_rule_nor_oracle(registry: Registry) -> None:
    view = load_run(registry.run)
    scores = view.table("scores").query("metric == 'uno_c' and data == 'external' and group == 'all'")
    values = scores.set_index("model")["value"]
    assert best_trained(view) == values[["cox", "rsf"]].idxmax()


def test_the_paired_difference_is_that_of_the_scores(registry: Registry) -> None:
    view = load_run(registry.run)
    scores = view.table("scores").query("metric == 'uno_c' and data == 'external' and group == 'all'")
    values = scores.set_index("model")["value"]
    models = {name: load_model(view.models()[name]) for name in ("cox", "pdl1")}
    months = prediction_months(Analysis.model_validate(view.facts["analysis"]))

    def ask(first: str, second: str) -> tuple[float, float, float]:
        rng = np.random.default_rng(5)
        return paired_difference(models[first], models[second], registry.external, "os", months, rng)

    value, low, high = ask("cox", "pdl1")
    assert value == pytest.approx(values["cox"] - values["pdl1"], abs=1e-12)
    assert low < value < high
    assert ask("pdl1", "cox") == pytest.approx((-value, -high, -low), abs=1e-12)
