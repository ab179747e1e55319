"""lungio evidence: what it prints, how it filters, how it ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from experiments.evidence_command import evidence_app
from pipeline.schema import InputError
from synthetic_data.evidence import DEFAULT_FOLDER, load_register


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(evidence_app, [str(a) for a in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part, name in (("trials", "poplar"), ("biomarkers", "hed"), ("models", "loris")):
        (tmp_path / part).mkdir()
        shutil.copy(DEFAULT_FOLDER / part / f"{name}.yaml", tmp_path / part)
    return tmp_path


def test_check_ends_well_on_the_shipped_register() -> None:
    result = call("check", "--json")
    assert result.exit_code == 0
    counts = json.loads(result.stdout)["counts"]
    assert counts["faults"] == 0
    assert counts["trials"] >= 130
    assert counts["trial hazard ratios"] >= 360


def test_check_prints_its_counts_as_a_table(folder: Path) -> None:
    result = call("check", "--register", folder)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["trials", "1"] in lines
    assert ["faults", "0"] in lines


def test_check_ends_with_two_and_names_file_and_field_of_a_fault(folder: Path) -> None:
    path = folder / "trials" / "poplar.yaml"
    path.write_text(path.read_text().replace("main_population: ITT", "main_population: everybody"))
    result = call("check", "--register", folder)
    assert result.exit_code == 2
    assert "trials/poplar.yaml" in result.stdout
    assert "main_population" in result.stdout
    findings = json.loads(call("check", "--json", "--register", folder).stdout)["findings"]
    assert [(f["severity"], f["file"], f["field"]) for f in findings] == [
        ("fault", "trials/poplar.yaml", "main_population")
    ]


def test_check_survives_a_file_that_is_not_yaml(folder: Path) -> None:
    (folder / "trials" / "oak.yaml").write_text("id: [OAK\n")
    result = call("check", "--json", "--register", folder)
    assert result.exit_code == 2
    assert json.loads(result.stdout)["counts"]["trials"] == 1, "the readable file is still counted"


def test_list_filters_trials_by_setting() -> None:
    rows = json.loads(call("list", "--setting", "es_sclc_1l", "--json").stdout)
    assert {"IMpower133", "CASPIAN"} <= {r["id"] for r in rows}
    assert {r["setting"] for r in rows} == {"es_sclc_1L"}


@pytest.mark.parametrize("kind", ["trials", "markers", "models", "topics"])
def test_list_names_all_of_a_kind(kind: str) -> None:
    rows = json.loads(call("list", "--kind", kind, "--json").stdout)
    assert [r["id"] for r in rows] == list(getattr(load_register(), kind))
    printed = call("list", "--kind", kind)
    assert printed.exit_code == 0
    assert f"{len(rows)} {kind}" in printed.stdout


def test_list_refuses_what_it_does_not_know() -> None:
    assert isinstance(call("list", "--setting", "first").exception, InputError)
    assert isinstance(call("list", "--kind", "markers", "--setting", "metastatic_1L").exception, InputError)
    assert call("list", "--kind", "cells").exit_code == 2


def test_show_prints_a_trial_with_its_figures_and_sources() -> None:
    text = call("show", "keynote 189").stdout
    expected = ["KEYNOTE-189", "NCT02578680", "main analysis population: ITT", "0.49 (0.38 to 0.64)"]
    expected += ["69.2 % (64.1 to 73.8)", "not reached", "crossover", "sources", "PMID 29658856"]
    for words in expected:
        assert words in text, words


def test_show_says_which_level_an_interval_has() -> None:
    assert "97.72 %" in call("show", "CheckMate-227").stdout


@pytest.mark.parametrize("name", ["pdl1_tps", "irae", "loris", "surrogacy", "ZUMA-1", "PARKHURST-2011-NK"])
def test_show_prints_markers_models_and_topics(name: str) -> None:
    result = call("show", name)
    assert result.exit_code == 0, result.exception
    assert "sources" in result.stdout


@pytest.mark.parametrize("kind", ["trials", "markers", "models", "topics"])
def test_every_entry_can_be_shown(kind: str) -> None:
    from rich.console import Console

    from experiments.evidence_tables import print_entry

    for spec in getattr(load_register(), kind).values():
        out = Console(width=120, record=True, quiet=True)
        with out.capture():
            print_entry(out, spec)


def test_show_as_json_reads_back() -> None:
    from synthetic_data.evidence import TrialSpec

    shown = TrialSpec.model_validate_json(call("show", "OAK", "--json").stdout)
    assert shown == load_register().trial("OAK")


def test_show_offers_the_nearest_name() -> None:
    result = call("show", "KEYNOTE-198")
    assert isinstance(result.exception, InputError)
    assert "KEYNOTE-189" in str(result.exception)


def test_the_sub_command_costs_nothing_to_import() -> None:
    code = "import sys, experiments.evidence_command; print([m for m in ('pandas', 'yaml', 'rich.table', "
    code += "'synthetic_data.evidence') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
