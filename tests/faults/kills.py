"""Processes killed outright, or by Ctrl-C, and what whoever goes on gets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from pipeline.artifacts import load_run

from .scene import Outcome, Scene, fault
from .stores import all_runs

GROUP = "Kills"
RUN = ("run", "mine.yaml", "--out", "one", "--no-report", "-q")
PASSING = {"started", "identity", "seconds", "system", "command", "outstanding", "git"}


def undisturbed(scene: Scene) -> Path:
    """Carry out the run beside the scene, once for all kills; return its folder."""
    place = scene.run.parent / "undisturbed"
    if not place.exists():
        outcome = scene.again("run", "mine.yaml", "--out", place, "--no-report", "--no-track", "-q")
        assert outcome.code == 0, outcome.said
    return place


def same_bits(folder: Path, other: Path) -> None:
    """Fail unless two folders hold the same files, but for when and where they were made."""
    names = [{p.relative_to(f).as_posix() for p in f.rglob("*") if p.is_file()} for f in (folder, other)]
    assert names[0] == names[1]
    for name in names[0] - {"run.json"}:
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name
    facts: list[dict[str, Any]] = [
        {k: v for k, v in load_run(f).facts.items() if k not in PASSING} for f in (folder, other)
    ]
    assert facts[0] == facts[1]


def without_figures(scene: Scene) -> None:
    scene.patch.setattr("pipeline.artifacts.gallery.draw_gallery", lambda *_: None)


@fault(GROUP, "kill -9 while a run is computed")
def computing(scene: Scene) -> Outcome:
    scene.experiment()
    outcome = scene.dying("pipeline.run.analyse", 0, *RUN, "--no-track")
    return finished_anew(scene, replace(outcome, command=outcome.command.replace(" --no-track", "")))


@fault(GROUP, "kill -9 while a run's folder is written")
def writing(scene: Scene) -> Outcome:
    scene.experiment()
    outcome = scene.dying("pipeline.artifacts.run_folder.write_json", 0, *RUN, "--no-track")
    return finished_anew(scene, replace(outcome, command=outcome.command.replace(" --no-track", "")))


def finished_anew(scene: Scene, outcome: Outcome) -> Outcome:
    without_figures(scene)
    assert scene.again("doctor", ".").code == 1
    again = scene.again(*RUN, "--no-track")
    assert again.code == 0, again.said
    same_bits(scene.here / "one", undisturbed(scene))
    assert sorted(p.name for p in scene.here.iterdir()) == ["mine.yaml", "one"]
    return replace(
        outcome, then="the same command, or `--resume`: the bits of an undisturbed run, traces gone"
    )


@fault(GROUP, "kill -9 while a run is filed in MLflow")
def filing(scene: Scene) -> Outcome:
    scene.experiment()
    scene.filed()
    outcome = scene.dying("pipeline.tracking.runs._track_model", 1, *RUN)
    without_figures(scene)
    refused = scene.again(*RUN)
    assert refused.code == 2
    assert "--resume finishes it" in refused.said
    before = {
        p: p.read_bytes() for p in (scene.here / "one").rglob("*") if p.is_file() and p.name != "run.json"
    }
    again = scene.again(*RUN, "--resume")
    assert again.code == 0, again.said
    assert all(path.read_bytes() == content for path, content in before.items())
    same_bits(scene.here / "one", undisturbed(scene))
    runs = all_runs(scene.here / "mlflow.db")
    parents = sorted(r.info.status for r in runs if "mlflow.parentRunId" not in r.data.tags)
    assert parents == ["FAILED", "FINISHED"]
    assert not [r for r in runs if r.info.status == "RUNNING"]
    assert json.loads((scene.here / "one" / "run.json").read_text())["outstanding"] == []
    return replace(outcome, then="`--resume` files it whole; the killed filing is marked FAILED in MLflow")


@fault(GROUP, "kill -9 in the middle of a sweep")
def sweeping(scene: Scene) -> Outcome:
    scene.experiment(external=None)
    sweep = {"name": "s", "experiment": "mine.yaml", "vary": {"train.patients": [120, 150]}, "seeds": [1, 2]}
    scene.file("sweep.yaml", sweep)
    words = ("sweep", "sweep.yaml", "--jobs", 1, "--no-track", "--no-report", "-q", "--out")
    outcome = scene.dying("experiments.sweep_runs.one_run", 2, *words, "one")
    from experiments import sweep_runs

    true, computed = sweep_runs.one_run, []
    scene.patch.setattr(sweep_runs, "one_run", lambda task: computed.append(task) or true(task))
    assert scene.again(*words, "one").code == 0
    assert len(computed) == 2
    assert scene.again(*words, "other").code == 0
    for table in ("runs", "scores", "settings"):
        first, second = (load_run(scene.here / name).table(table) for name in ("one", "other"))
        pd.testing.assert_frame_equal(first, second)
    assert not list(scene.here.glob(".*"))
    shown = outcome.command.replace(" --jobs 1 --no-track --no-report", "")
    return replace(outcome, command=shown, then="the same command does the other two: the same tables")


@fault(GROUP, "kill -9 while a sweep is filed in MLflow")
def filing_a_sweep(scene: Scene) -> Outcome:
    scene.experiment(external=None)
    scene.filed()
    scene.file("sweep.yaml", {"name": "s", "experiment": "mine.yaml", "vary": {"train.patients": [120, 150]}})
    words = ("sweep", "sweep.yaml", "--jobs", 1, "--no-report", "-q", "--out", "one")
    outcome = scene.dying("pipeline.tracking.sweeps._track_one", 1, *words)
    assert scene.again(*words).code == 0
    statuses = sorted(
        r.info.status for r in all_runs(scene.here / "mlflow.db") if "mlflow.parentRunId" not in r.data.tags
    )
    assert statuses == ["FAILED", "FINISHED"]
    shown = outcome.command.replace(" --jobs 1 --no-report", "")
    return replace(outcome, command=shown, then="the same command files it; nothing is computed twice")


@fault(GROUP, "Ctrl-C while a run is computed")
def interrupted(scene: Scene) -> Outcome:
    def interrupt(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    scene.patch.setattr("experiments.run.draw_or_read", interrupt)
    return scene.lungio("run", scene.experiment(), "--out", "one", "-q")


@fault(GROUP, "resuming with another experiment in the killed one's place")
def another_experiment(scene: Scene) -> Outcome:
    scene.finished_run("one")
    return scene.lungio("run", scene.experiment(), "--out", "one", "--resume")


@fault(GROUP, "resuming when the configs have changed since")
def changed_since(scene: Scene) -> Outcome:
    from experiments.config import read_experiment
    from experiments.run import decisive
    from pipeline.artifacts import value_digest

    run = scene.finished_run("one")
    scene.filed()
    digest = value_digest(decisive(read_experiment(scene.experiment())))
    facts = json.loads((run / "run.json").read_text())
    facts |= {"config_sha256": digest, "outstanding": ["filing in MLflow"]}
    (run / "run.json").write_text(json.dumps(facts))
    return scene.lungio("run", "mine.yaml", "--out", "one", "--resume", "-q")
