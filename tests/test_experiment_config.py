from __future__ import annotations

from pathlib import Path

import pytest

from experiments.config import CONFIGS, Experiment, find_config, read_experiment, read_spec
from pipeline.schema import InputError

GOOD = "name: trial_run\nseed: 1\ntrain: {cohort: keynote_189, patients: 50}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_experiment(str(path))
    return str(caught.value)


@pytest.mark.parametrize("path", sorted((CONFIGS / "experiments").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_experiment_is_valid_and_named_like_its_file(path: Path) -> None:
    assert read_experiment(str(path)).name == path.stem


def test_the_default_is_2000_training_and_2000_external_patients_on_overall_survival() -> None:
    experiment = read_experiment("keynote_189")
    external = experiment.external_choice()
    assert (experiment.train.patients, external and external.patients) == (2000, 2000)
    assert experiment.analysis.endpoint == "os"
    assert set(experiment.analysis.models) == {"cox", "rsf", "pdl1", "oracle"}


@pytest.mark.parametrize("name", ["keynote_189", "KEYNOTE-189", "Keynote 189"])
def test_names_forgive_case_spaces_and_dashes(name: str) -> None:
    assert find_config("experiments", name).name == "keynote_189.yaml"


def test_a_path_wins_over_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keynote_189").write_text(GOOD, encoding="utf-8")
    assert read_experiment("keynote_189").name == "trial_run"


def test_an_unknown_key_names_file_field_and_the_nearest_key(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "analysis: {bootstrap: {replicas: 30}}\n")
    assert message(path) == f"{path}: analysis.bootstrap.replicas: unknown key; did you mean 'replicates'?"


def test_an_unknown_key_like_no_other_lists_the_known_ones(tmp_path: Path) -> None:
    assert "xyz: unknown key; known: analysis, external, name" in message(write(tmp_path, GOOD + "xyz: 1\n"))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "name: x\nseed: -1\ntrain: {cohort: a, patients: 0}\nanalysis: {endpoint: dfs}\n")
    lines = message(path).splitlines()
    assert [line.removeprefix(f"{path}: ").split(":")[0] for line in lines] == [
        "seed",
        "train.patients",
        "analysis.endpoint",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("seed: 1", "seed: one"), "seed: must be a valid integer"),
        (GOOD.replace("seed: 1\n", ""), "seed: is missing"),
        (GOOD.replace("{cohort: keynote_189, patients: 50}", "keynote_189"), "train: must hold 'key: value'"),
        (GOOD + "analysis: {models: {}}\n", "analysis.models: must not be empty"),
        (GOOD + "analysis: {horizons_months: [12, 6]}\n", "horizons_months must be positive and increasing"),
        (GOOD.replace("trial_run", "a/b"), "name: string should match pattern"),
        ("name: [1\nseed: 2\n", "line 2: not valid YAML"),
        (GOOD + "seed: 2\n", "line 4: not valid YAML: key 'seed' stands twice"),
        ("", "the file is empty"),
        ("- 1\n", "must hold 'key: value' lines. Got a list instead"),
    ],
)
def test_bad_files_are_told_in_one_plain_line(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    told = message(path)
    assert said in told
    assert str(path) in told
    assert len(told.splitlines()) == 1


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff\xfe")
    assert "not a text file in UTF-8" in message(path)


def test_a_missing_name_offers_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no experiment 'keynote_198'; did you mean keynote_189 or "):
        read_experiment("keynote_198")
    write(tmp_path, GOOD)
    with pytest.raises(InputError, match=r"did you mean .*mine\.yaml\?; there is no such file$"):
        read_experiment(str(tmp_path / "mien.yaml"))


def test_a_name_offers_the_file_beside_whose_ending_was_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no experiment 'mine'; did you mean mine\.yaml"):
        read_experiment("mine")


def test_a_folder_is_not_a_config(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_experiment(str(tmp_path))


def test_the_command_line_changes_seed_and_patients_only(tmp_path: Path) -> None:
    experiment = read_spec(write(tmp_path, GOOD + "external: {}\n"), Experiment)
    changed = experiment.with_changes(patients=70, seed=9)
    external = changed.external_choice()
    assert (changed.seed, changed.train.patients, external and external.patients) == (9, 70, 70)
    assert changed.analysis == experiment.analysis
    assert experiment.with_changes() == experiment


def test_an_external_cohort_takes_what_it_leaves_out_from_training(tmp_path: Path) -> None:
    experiment = read_spec(write(tmp_path, GOOD + "external: {cohort: oak}\n"), Experiment)
    external = experiment.external_choice()
    assert external is not None
    assert (external.cohort, external.patients) == ("oak", 50)
    assert read_spec(write(tmp_path, GOOD), Experiment).external_choice() is None
