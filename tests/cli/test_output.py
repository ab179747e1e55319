"""--json and --quiet, of every command that has them: one document on stdout, and not a word beside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from rich.console import Console
from typer.testing import Result

import synthetic_data.evidence as evidence
from experiments.cli import app
from experiments.output import Output, chatty, show
from experiments.progress import StageProgress
from pipeline.artifacts import study_folder

from .calling import experiment, lungio
from .test_benefit import small as benefit_study
from .test_cohort import write as write_clinic
from .test_decide import shipped, written
from .test_dynamic import config as dynamic_study
from .test_enrich import small as enrichment
from .test_mechanism import config as mechanism_study
from .test_power import config as power_plan
from .test_realism import lesion_file
from .test_sweep import written as sweep_of
from .test_toxicity import small as toxicity_study
from .test_transport import CHOWELL
from .test_transport import small as transport_study

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
Words = tuple[object, ...]
QUICK = ("--no-report",)
TREATED = {"cohort": "keynote_189_toxicity", "patients": 200}
ONE = {"seeds": [1], "vary": {"analysis.models.cox.penalties": [[0.1]]}}


def policy(folder: Path) -> str:
    raw = shipped("mrd_policy")
    train = {"cohort": "keynote_671_mrd", "patients": 400}
    return written(folder, raw, train=train, bootstrap={"replicates": 20}, vary={})


def enrichment_file(folder: Path) -> str:
    raw = enrichment(patients=1000, percentiles=[0, 50], drawn_percentiles=[0], replicates=10)
    path = folder / "enrich.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return str(path)


def transported(folder: Path) -> Words:
    if not CHOWELL.is_file():
        pytest.skip("the MSK patients are not here (shared/realdata)")
    study = transport_study(
        folder, train={"cohort": "OAK", "patients": 400}, learning_curve=None, ablation=False,
        bootstrap={"replicates": 20},
    )  # fmt: skip
    return ("transport", study, "--data", CHOWELL, "--out", "made", *QUICK)


def replicated(folder: Path) -> Words:
    (folder / "mine.yaml").write_text("trial: CANOPY-1\nmarkers: [sex]\n")
    return ("verify", "mine.yaml", "--replicates", 40, "--n", 200)


def checked(folder: Path) -> Words:
    write_clinic(folder)
    return ("cohort", "check", "mine.csv", "--map", "mine.yaml")


def side_by_side(run: Path, folder: Path) -> Words:
    shutil.copytree(run, folder / "second")
    return ("compare", run, folder / "second")


# By command: the words that call it in an empty folder, given a run; and a key that its document must have.
CASES: dict[str, tuple[Callable[[Path, Path], Words], str]] = {
    "benefit": (lambda run, here: ("benefit", benefit_study(here), "--out", "made", *QUICK), "tables"),
    "cohort check": (lambda run, here: checked(here), ""),
    "compare": (side_by_side, "scores"),
    "decide": (lambda run, here: ("decide", policy(here), "--out", "made", *QUICK), "tables"),
    "doctor": (lambda run, here: ("doctor", here), "findings"),
    "drift": (lambda run, here: ("drift", run, "keynote_189", "--out", "made", *QUICK), "verdict"),
    "dynamic": (lambda run, here: ("dynamic", dynamic_study(here), "--out", "made", *QUICK), "tables"),
    "enrich": (
        lambda run, here: ("enrich", enrichment_file(here), "--jobs", 1, "--out", "made", *QUICK), "tables"
    ),
    "evidence check": (lambda run, here: ("evidence", "check"), "counts"),
    "evidence list": (lambda run, here: ("evidence", "list", "--kind", "models"), ""),
    "evidence show": (lambda run, here: ("evidence", "show", "nlr"), "name"),
    "mechanism": (lambda run, here: ("mechanism", mechanism_study(here), "--out", "made", *QUICK), "tables"),
    "power": (lambda run, here: ("power", power_plan(here), "--jobs", 1, "--out", "made", *QUICK), "tables"),
    "prior": (
        lambda run, here: ("prior", "keynote_189", "--draws", 5, "--n", 200, "--out", "p.json"),
        "coefficients",
    ),
    "push": (lambda run, here: ("push", run, "--tracking-uri", "fresh.db"), "run_id"),
    "realism": (
        lambda run, here: ("realism", "poplar_visits", "laleh2022", "--data", lesion_file(here)), "tables"
    ),
    "report": (lambda run, here: ("report", run), "report"),
    "run": (lambda run, here: ("run", experiment(here), "--out", "made", "--no-track", *QUICK), "scores"),
    "simulate": (lambda run, here: ("simulate", "keynote_189", "--n", 60, "--out", "made"), "fidelity"),
    "subgroups": (lambda run, here: ("subgroups", "pacific", "--n", 200), "subgroups"),
    "sweep": (
        lambda run, here: ("sweep", sweep_of(here, **ONE), "--out", "x", "--jobs", 1, "--no-track", *QUICK),
        "settings",
    ),
    "toxicity": (
        lambda run, here: ("toxicity", toxicity_study(here, train=TREATED), "--out", "made", *QUICK), "tables"
    ),
    "transport": (lambda run, here: transported(here), "tables"),
    "verify": (lambda run, here: ("verify", "CheckMate-816", "--n", 500), "figures"),
}  # fmt: skip
# Two doors of one command that print by themselves.
CASES |= {
    "simulate --chunk": (
        lambda run, here: ("simulate", "keynote_189", "--n", 60, "--chunk", 30, "--out", "made"), "rows"
    ),
    "verify --replicates": (lambda run, here: replicated(here), "hazard_ratios"),
}  # fmt: skip


def commands_with(option: str) -> dict[str, Any]:
    """Return the commands that have an option, by the words that call them."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, (*words, name))
        if any(option in param.opts for param in command.params):
            yield " ".join(words), command

    return dict(walk(typer.main.get_command(app), ()))


def test_every_command_that_prints_a_result_can_print_json() -> None:
    assert set(commands_with("--json")) == {name for name in CASES if "--" not in name}
    silent = {"init", "ui", "cohort map"}  # a project, a server, and YAML: no result to be read
    everything = set(commands_with("--help")) or set(commands_with("-h"))
    assert not everything or everything - set(commands_with("--json")) <= silent | {"", "cohort", "evidence"}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_standard_output_holds_one_document_and_nothing_else(
    name: str, here: Path, simulated: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.artifacts.gallery.draw_gallery", lambda *_: None)
    register = evidence.load_register()
    true = study_folder.save_study
    monkeypatch.setattr(study_folder, "save_study", lambda *a, **k: true(*a, **(k | {"figures": {}})))
    if name == "subgroups":  # which draws every trial of the register
        few = {name: register.trials[name] for name in ("KEYNOTE-010", "MYSTIC", "PACIFIC", "IMpower010")}
        monkeypatch.setattr(evidence, "load_register", lambda: replace(register, trials=few))
    if name == "report":
        monkeypatch.setattr("pipeline.report.make_report", lambda folder, *_: folder / "report.html")
    words, key = CASES[name]
    quiet = ("--quiet",) if name.split(" --")[0] in commands_with("--quiet") else ()
    result = lungio(*words(simulated[0] / "run", here), "--json", *quiet)
    assert result.exit_code in (0, 1, 3, 4), result.output + result.stderr
    document = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert document
    assert key in document if key else isinstance(document, list)
    assert result.stderr == ""


def test_quiet_leaves_the_result_and_errors_alone(here: Path) -> None:
    words = ("verify", "CheckMate-816", "--n", 500)
    loud = lungio("simulate", "keynote_189", "--n", 60, "--chunk", 30, "--out", "loud")
    quiet = lungio("simulate", "keynote_189", "--n", 60, "--chunk", 30, "--out", "quiet", "-q")
    assert "draw and write: " in loud.stdout
    assert quiet.stdout == loud.stdout[loud.stdout.index("cohort ") :].replace("loud", "quiet")
    assert lungio(*words, "-q").stdout == lungio(*words).stdout  # nothing but the result to begin with
    refused = lungio("verify", "nothing", "-q")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("lungio: no cohort 'nothing'")


def test_what_is_drawn_goes_to_people_and_the_document_to_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain, document = Console(), {"folder": Path("a"), "value": float("nan")}
    for console in (plain, Output(), Output(quiet=True)):
        show(console, document, lambda console=console: console.print("drawn"))
        assert capsys.readouterr().out == "drawn\n"
    console = Output(as_json=True)
    show(console, document, lambda: pytest.fail("drawn"))
    console.print("an aside")
    said = capsys.readouterr()
    assert json.loads(said.out) == {"folder": "a", "value": None}
    assert said.err == "an aside\n"
    assert [chatty(c) for c in (plain, Output(), Output(quiet=True), console)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("as_json", "quiet", "bars"), [(False, False, True), (True, False, True), (False, True, False)]
)
def test_bars_are_for_a_terminal_that_wants_them(
    as_json: bool, quiet: bool, bars: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal is
    assert StageProgress(Output(as_json, quiet))._bars.disable is not bars
