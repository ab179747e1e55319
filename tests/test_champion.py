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

    def crowned_runs(self) -> list[str]:
        """Return the models whose runs say, anywhere in the store, that they are champion."""
        everywhere = [e.experiment_id for e in self.client.search_experiments()]
        found = self.client.search_runs(everywhere, f"tags.champion = '{NAME}'")
        return [run.data.tags["model"] for run in found]

    def crowned_versions(self) -> list[str]:
        versions = self.client.search_model_versions(f"name = '{NAME}'")
        return [str(v.version) for v in versions if v.tags.get("champion") == "true"]

    def enthrone(self, model: str, trained_on: str) -> str:
        """Give the alias to another model of the same run, as if an earlier run had found it best."""
        parent = self.client.get_run(self.parent)
        (child,) = self.client.search_runs(
            [parent.info.experiment_id],
            f"tags.`mlflow.parentRunId` = '{self.parent}' and tags.model = '{model}'",
        )
        stored = self.client.get_logged_model(child.outputs.model_outputs[0].model_id)
        version = self.client.create_model_version(NAME, stored.artifact_location, child.info.run_id)
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
    assert (registry.crowned_versions(), registry.crowned_runs()) == ([first.version], [best])

    again = registry.crown(registry.external)  # as a run that was resumed does
    assert (again.version, again.crowned, again.reason) == (first.version, True, first.reason)
    assert registry.tags(first.version)["decision"] == "there was no champion"
    assert (registry.crowned_versions(), registry.crowned_runs()) == ([first.version], [best])

    weak = registry.enthrone("pdl1", trained_on="f" * 64)
    alone = registry.crown(None)
    assert "no external patients" in alone.reason
    assert registry.champion == weak
    assert (registry.crowned_versions(), registry.crowned_runs()) == ([weak], ["pdl1"])
    assert registry.tags(first.version)["champion"] == "false"
    assert registry.tags(first.version)["followed_by"] == weak

    risen = registry.crown(registry.external)
    assert risen.crowned
    assert risen.difference is not None
    assert risen.difference[1] > 0
    assert f"above that of version {weak}" in risen.reason
    assert registry.champion == risen.version
    assert float(registry.tags(risen.version)["difference_low"]) == risen.difference[1]
    assert (registry.crowned_versions(), registry.crowned_runs()) == ([risen.version], [best])
    assert registry.tags(weak)["champion"] == "false"
    assert registry.tags(weak)["followed_by"] == risen.version
    assert "followed_by" not in registry.tags(risen.version)
    assert verdict_line(risen).startswith(f"{NAME} version {risen.version} ({best}), now champion")

    seen = registry.enthrone("pdl1", load_run(registry.run).facts["cohorts"]["external"]["sha256"])
    refused = registry.crown(registry.external)
    assert "it was trained on the run's external patients" in refused.reason
    assert registry.champion == seen
    assert (registry.crowned_versions(), registry.crowned_runs()) == ([seen], ["pdl1"])


def test_of_two_processes_one_decides_after_the_other(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds what the first has crowned; without the lock both would find no champion."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    from pipeline.tracking import champion

    entered, inside, most = Event(), [], []
    true = champion._decide

    def slowly(*given: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        entered.wait(0.5)
        try:
            return true(*given)
        finally:
            inside.pop()

    registry.enthrone("pdl1", trained_on="f" * 64)
    monkeypatch.setattr(champion, "_decide", slowly)
    with ThreadPoolExecutor(2) as pool:
        verdicts = [v.result() for v in [pool.submit(registry.crown, None) for _ in range(2)]]
    assert most == [1, 1]
    assert not any(v.crowned for v in verdicts)
    assert len(registry.crowned_versions()) == len(registry.crowned_runs()) == 1


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
