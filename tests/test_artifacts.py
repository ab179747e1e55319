from __future__ import annotations

import errno
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest
from made_cohort import made_cohort

from pipeline.artifacts import (
    claim_folder,
    file_digest,
    folder_digest,
    git_commit,
    load_cohort,
    load_run,
    new_folder,
    plain_os_error,
    replace_file,
    save_cohort,
    save_run,
    table_digest,
    update_facts,
    value_digest,
    write_json,
)
from pipeline.models import load_model
from pipeline.run import RunPlan, RunResult
from pipeline.schema import InputError


def everything(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


# --- a folder is whole or not there


def test_a_new_folder_appears_whole_and_under_its_name_only(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "run") as partial:
        (partial / "a.txt").write_text("a")
        assert not (tmp_path / "deep" / "run").exists()
    assert everything(tmp_path) == ["deep", "deep/run", "deep/run/a.txt"]


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), SystemExit(1)])
def test_whatever_stops_the_writing_nothing_stays(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), new_folder(tmp_path / "deep" / "run") as partial:  # noqa: PT012
        (partial / "a.txt").write_text("a")
        raise error
    assert everything(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "no permission"),
        (errno.EDQUOT, "quota"),
    ],
)
def test_a_full_or_closed_disk_is_one_plain_message(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(InputError, match=said), new_folder(tmp_path / "run") as partial:  # noqa: PT012
        (partial / "a.txt").write_text("half")
        raise OSError(number, "as the system says it", str(partial / "b.txt"))
    assert everything(tmp_path) == []


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """On a file system of one megabyte, in a mount namespace of its own."""
    script = (
        "import sys; from pathlib import Path; from pipeline.artifacts import new_folder\n"
        "try:\n"
        "    with new_folder(Path(sys.argv[1]) / 'run') as partial:\n"
        "        (partial / 'big').write_bytes(bytes(5_000_000))\n"
        "except Exception as error: print(type(error).__name__, error, list(Path(sys.argv[1]).iterdir()))\n"
    )
    mount = f'mount -t tmpfs -o size=1m none {tmp_path} && exec {sys.executable} -c "$0" {tmp_path}'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, script]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("no unshare on this machine")
    if not done.stdout:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()[-80:]}")
    assert done.stdout.startswith("InputError cannot write")
    assert "the disk is full" in done.stdout
    assert done.stdout.rstrip().endswith("[]")


def test_an_existing_place_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="exists already"):
        claim_folder(tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        claim_folder(tmp_path / "file" / "run")
    assert everything(tmp_path) == ["file", "run"]


def test_a_read_only_place_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(InputError, match="read-only; choose another place with --out"):
        claim_folder(tmp_path / "run")


def test_claiming_leaves_no_trace(tmp_path: Path) -> None:
    claim_folder(tmp_path / "a" / "b" / "run")
    assert everything(tmp_path) == []


def test_a_file_is_replaced_whole_or_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    replace_file(path, b"old")

    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match="the disk is full"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert everything(tmp_path) == ["report.html"]


def test_an_unknown_system_error_keeps_its_own_words() -> None:
    assert plain_os_error(FileNotFoundError(2, "No such file", "x.csv")) == "x.csv: no such file"


# --- fingerprints


def test_a_table_digest_does_not_depend_on_storage_types() -> None:
    a = pd.DataFrame({"n": [1, 0], "b": [True, False], "t": ["x", None]}).rename_axis("patient")
    b = pd.DataFrame({"n": [1.0, -0.0], "b": [1.0, 0.0], "t": pd.Categorical(["x", None])}).rename_axis(
        "patient"
    )
    assert table_digest(a) == table_digest(b)


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({"n": [1.0, 2.0 + 1e-15]}),
        pd.DataFrame({"n": [2.0, 1.0]}),
        pd.DataFrame({"m": [1.0, 2.0]}),
        pd.DataFrame({"n": [1.0, np.nan]}),
        pd.DataFrame({"n": [1.0, 2.0]}, index=[1, 2]),
        pd.DataFrame({"n": ["1.0", "2.0"]}),
    ],
    ids=["value", "order", "name", "missing", "index", "text"],
)
def test_a_table_digest_sees_every_change(other: pd.DataFrame) -> None:
    assert table_digest(pd.DataFrame({"n": [1.0, 2.0]})) != table_digest(other)


def test_a_table_digest_is_the_same_on_every_machine() -> None:
    frame = pd.DataFrame({"n": [0.1, np.nan], "t": ["ä", "b"]}).rename_axis("patient")
    assert table_digest(frame) == DIGEST_OF_A_KNOWN_TABLE


DIGEST_OF_A_KNOWN_TABLE = "798de386945b717c1128b4424cd1507fc95e69b2b405f666f85a714b6018a022"


def test_digests_of_values_files_and_folders(tmp_path: Path) -> None:
    assert value_digest({"a": 1, "b": [1, 2]}) == value_digest({"b": (1, 2), "a": 1})
    assert value_digest({"a": 1}) != value_digest({"a": 2})
    (tmp_path / "x.yaml").write_bytes(b"")
    assert file_digest(tmp_path / "x.yaml").startswith("e3b0c44298fc1c14")  # SHA-256 of nothing
    before = folder_digest(tmp_path)
    (tmp_path / "x.yaml").rename(tmp_path / "y.yaml")
    assert folder_digest(tmp_path) != before


# --- cohorts


def test_a_cohort_comes_back_as_it_was(tmp_path: Path) -> None:
    cohort = made_cohort(120, 1)
    again = load_cohort(save_cohort(cohort, tmp_path / "cohort"))
    pd.testing.assert_frame_equal(again.observed, cohort.observed)
    assert again.columns == cohort.columns
    assert (again.name, again.simulated, again.control_arm) == ("made", True, cohort.control_arm)
    assert again.truth is not None
    assert cohort.truth is not None
    pd.testing.assert_frame_equal(again.truth.patients, cohort.truth.patients)


def test_the_truth_stands_apart_from_the_patients(tmp_path: Path) -> None:
    save_cohort(made_cohort(50, 1), tmp_path / "cohort", {"fidelity": pd.DataFrame({"a": [1]})})
    assert everything(tmp_path / "cohort") == [
        "columns.json",
        "fidelity.csv",
        "manifest.json",
        "observed.csv",
        "observed.parquet",
        "truth",
        "truth/hazards.parquet",
        "truth/patients.parquet",
    ]
    csv = pd.read_csv(tmp_path / "cohort" / "observed.csv")
    assert not [c for c in csv.columns if "log_hazard" in c]
    manifest = json.loads((tmp_path / "cohort" / "manifest.json").read_text())
    assert manifest["patients_are"] == "simulated"
    assert manifest["research_use"].startswith("For research only")
    assert manifest["sha256"] == table_digest(made_cohort(50, 1).observed)


def test_changed_patients_are_noticed(tmp_path: Path) -> None:
    folder = save_cohort(made_cohort(50, 1), tmp_path / "cohort")
    frame = pd.read_parquet(folder / "observed.parquet")
    frame.loc[0, "os_months"] += 1
    frame.to_parquet(folder / "observed.parquet")
    with pytest.raises(InputError, match="has changed since it was written"):
        load_cohort(folder)


def test_a_folder_that_holds_no_cohort(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"observed\.parquet, columns\.json, manifest\.json missing"):
        load_cohort(tmp_path)


# --- runs


def test_a_run_folder_holds_tables_models_figures_and_facts(small_run: Path, small_result: RunResult) -> None:
    view = load_run(small_run)
    assert set(view.tables) == set(small_result.tables)
    assert set(view.models()) == {"cox", "rsf", "pdl1"}
    names = {p.stem for p in view.figures()}
    assert {"kaplan_meier", "scores", "roc_external", "beeswarm_cox", "waterfall_rsf_3", "agreement"} <= names
    assert all(p.with_suffix(".svg").is_file() for p in view.figures())
    assert (small_run / "experiment.yaml").read_text() == "name: small\n"
    assert not [name for name in everything(small_run) if "partial" in name]


def test_run_json_says_what_the_run_was(small_run: Path) -> None:
    facts = load_run(small_run).facts
    assert facts["research_use"].startswith("For research only")
    assert facts["simulated"] is True
    assert facts["seed"] == 3
    assert len(facts["cohorts"]["train"]["sha256"]) == 64
    assert facts["versions"]["python"].startswith("3.")
    assert facts["versions"]["scikit-survival"] == "0.28.0"
    assert {c["name"] for c in facts["checks"]} >= {"oracle_is_ceiling"}
    assert facts["metrics"]["uno_c"] == {"label": "Uno's C", "better": "higher"}


def test_tables_come_back_as_they_were(small_run: Path, small_result: RunResult) -> None:
    for name in ("scores", "predictions", "contributions", "findings"):
        pd.testing.assert_frame_equal(load_run(small_run).table(name), small_result.tables[name], obj=name)


def test_saved_models_predict_as_the_fitted_ones(
    small_run: Path, small_result: RunResult, small_plan: RunPlan
) -> None:
    assert small_plan.external is not None
    months = np.array([3.0, 12.0])
    for name, folder in load_run(small_run).models().items():
        fitted = small_result.models[name].predict(small_plan.external.observed, months)
        stored = load_model(folder).predict(small_plan.external.observed, months)
        np.testing.assert_allclose(stored.survival, fitted.survival, rtol=0, atol=1e-12, err_msg=name)


def test_equal_runs_are_equal_files(
    small_result: RunResult, small_facts: dict[str, Any], small_run: Path, tmp_path: Path
) -> None:
    kept = {name: t for name, t in small_result.tables.items() if name != "importance"}
    slim = replace(small_result, tables=kept)  # fewer figures, for speed
    folder = save_run(slim, tmp_path / "again", facts=small_facts, files={"experiment.yaml": "name: small\n"})
    for path in [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".parquet"]:
        twin = small_run / path.relative_to(folder)
        assert path.read_bytes() == twin.read_bytes(), path.name


def test_a_failure_while_saving_leaves_nothing(
    small_result: RunResult, small_facts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.artifacts.gallery.draw_gallery", full)
    with pytest.raises(InputError, match="the disk is full"):
        save_run(small_result, tmp_path / "runs" / "one", facts=small_facts)
    assert everything(tmp_path) == []


def test_a_run_is_never_overwritten(
    small_run: Path, small_result: RunResult, small_facts: dict[str, Any]
) -> None:
    before = everything(small_run)
    with pytest.raises(InputError, match="nothing is overwritten"):
        save_run(small_result, small_run, facts=small_facts)
    assert everything(small_run) == before


def test_what_is_not_a_run_is_refused(tmp_path: Path, small_run: Path) -> None:
    with pytest.raises(InputError, match="there is no run folder"):
        load_run(tmp_path / "none")
    with pytest.raises(InputError, match="is not a run folder"):
        load_run(tmp_path)
    with pytest.raises(InputError, match="has no table 'skores'; it has"):
        load_run(small_run).table("skores")


def test_facts_can_be_added(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    write_json(tmp_path / "run.json", {"name": "x", "seconds": {"fit": 1.0}})
    update_facts(tmp_path, {"seconds": {"fit": 2.0}})
    assert load_run(tmp_path).facts == {"name": "x", "seconds": {"fit": 2.0}}


def test_json_holds_no_number_that_json_does_not_know(tmp_path: Path) -> None:
    write_json(
        tmp_path / "a.json", {"a": math.inf, "b": np.float64("nan"), "c": np.arange(2), "d": Path("x")}
    )
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": None, "c": [0, 1], "d": "x"}


def test_the_commit_is_told_in_a_checkout_only(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    for words in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)
    found = git_commit(tmp_path)
    assert found is not None
    assert len(found["commit"]) == 40
    assert found["changed"] is False
    (tmp_path / "inside").mkdir()
    assert git_commit(tmp_path / "inside") is None
