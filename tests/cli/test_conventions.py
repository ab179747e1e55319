"""Exit codes: one table in the docs, one in the code, and the constants that commands end with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments import conventions
from experiments.cli import app
from experiments.conventions import EXIT_CODES
from experiments.drift_study import EXIT_CODES as OF_DRIFT
from pipeline.tracking.refusals import StoreError

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_table_in_the_docs_is_that_of_the_code() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (-?\d+) \| (.+) \|$", text, re.MULTILINE))
    assert {int(code): said for code, said in rows.items()} == EXIT_CODES


def test_every_constant_has_its_line_and_ends_what_it_says() -> None:
    constants = {k: v for k, v in vars(conventions).items() if k.isupper() and isinstance(v, int)}
    assert sorted(constants.values()) == sorted(EXIT_CODES) == [0, 1, 2, 3, 4, 5, 130]
    assert StoreError.exit_code == conventions.NOT_FILED
    assert OF_DRIFT == {
        "none": conventions.DONE,
        "look": conventions.LOOK,
        "do not use": conventions.DO_NOT_USE,
    }


def test_the_help_page_ends_with_them() -> None:
    said = " ".join(CliRunner(env={"COLUMNS": "200"}).invoke(app, ["--help"]).stdout.split())
    end = said[said.index("Exit codes:") :]
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning.replace('`', '')}" in end


def test_the_faults_page_knows_no_other_code() -> None:
    text = (DOCS / "faults.md").read_text(encoding="utf-8")
    seen = {int(code) for code in re.findall(r"^\|[^|]+\|[^|]+\| (-?\d+) \|", text, re.MULTILINE)}
    assert seen <= set(EXIT_CODES) | {-9}
    assert {0, 2, 5, 130} <= seen


@pytest.mark.parametrize(("words", "wanted"), [("lungio ver", "verify"), ("lungio evidence l", "list")])
def test_a_shell_completes_and_nothing_is_written(words: str, wanted: str, tmp_path: Path) -> None:
    asked = {
        "_LUNGIO_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)
    }  # fmt: skip
    home = os.environ | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    program = "import sys; sys.argv[0] = 'lungio'; from experiments.cli import main; main()"

    def said(*more: str, **asked: str) -> str:
        call = [sys.executable, "-c", program, *more]
        environment = home | asked
        return subprocess.run(
            call, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        ).stdout

    assert wanted in said(**asked).split()
    assert "--install-completion" in said("--help")
    assert not list(tmp_path.iterdir())
