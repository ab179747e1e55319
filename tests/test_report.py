from __future__ import annotations

import base64
import hashlib
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from experiments.finishing import REPORT_SCRIPT
from experiments.run_result import remarks_on_files
from pipeline.artifacts import load_run, update_facts
from pipeline.report import execute, make_report, report_files, sections
from pipeline.report.blocks import Markup, estimate, notice, table, text

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def page(reported: Path) -> str:
    return (reported / "report.html").read_text(encoding="utf-8")


class Outside(HTMLParser):
    """Everything a browser would load, and where links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = {k: v or "" for k, v in attrs}
        self.loaded += [values[k] for k in ("src", "srcset", "data", "poster") if k in values]
        if tag == "link":
            self.loaded.append(values.get("href", ""))
        if tag == "a":
            self.links.append(values.get("href", ""))


def test_the_page_asks_no_host_for_anything(page: str) -> None:
    found = Outside()
    found.feed(page)
    assert found.loaded
    assert all(address.startswith("data:") for address in found.loaded)
    assert not {"iframe", "object", "embed", "form"} & set(found.tags)
    assert not re.search(r"@import|url\((?!data:)", page)
    assert "default-src 'none'" in page


def test_one_script_may_run_and_the_policy_names_it(page: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == page.count("<script") == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert not re.search(r"<[^>]+\son\w+\s*=", page[page.index("<body") :])  # no handler in any tag


def test_links_lead_within_the_page_and_arrive(page: str) -> None:
    found = Outside()
    found.feed(page)
    assert found.links
    assert all(link.startswith("#") and f'id="{link[1:]}"' in page for link in found.links)


def test_the_first_block_is_honest(page: str) -> None:
    start = page[page.index("<main") : page.index("<h2")]
    for said in (
        "Every patient in this report is simulated.",
        "For research only. Not a medical device",
        "not how well it would predict for patients of a clinic",
    ):
        assert said in start
    assert start.index("simulated") < start.index('class="cards"')


def test_texts_are_escaped(page: str) -> None:
    assert "<h1>A &lt;small&gt; run &amp; its title</h1>" in page
    assert "<title>A &lt;small&gt; run &amp; its title</title>" in page


def test_every_section_is_there_in_order(page: str) -> None:
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert headings == [
        "How well the models do",
        "Survival by arm",
        "From source to analysis",
        "The patients",
        "Checks and missing values",
        "Are the probabilities right?",
        "Discrimination over time",
        "What is acting on it worth?",
        "What the predictions rest on",
        "Do the explanations find what is there?",
        "Subgroups",
        "Methods and how to repeat this run",
        "Where this run comes from",
        "Reporting checklists and model card",
        "Sources",
    ]  # nothing published, no response asked for: those sections go, heading and all


def test_the_score_table_has_every_model_with_intervals_and_the_oracle_last(page: str) -> None:
    head = re.search(r'<tr><th scope="col">Score</th>(.*?)</tr>', page)
    assert head is not None
    assert re.findall(r">([^<]+)</th>", head[1]) == [
        "Cox",
        "Survival forest",
        "PD-L1 rule",
        "Oracle (ceiling)",
    ]
    first = re.search(r"Harrell&#x27;s C.*?</tr>", page)
    assert first is not None
    assert len(re.findall(r'class="interval">0\.\d{3} to 0\.\d{3}<', first[0])) == 4


def test_the_flow_leads_every_patient_from_source_to_use(reported: Path, page: str) -> None:
    run = load_run(reported)
    table = run.table("flow")
    for role, patients in (("train", 260), ("external", 240)):
        part = table[table["role"] == role]
        assert part["patients"].sum() == patients
        assert (part["events"] + part["censored"]).tolist() == part["patients"].tolist()
    said = sections.flow(run)
    assert said in page
    for row in table.to_dict("records"):
        assert f"{row['events']:,} with the event, {row['censored']:,} censored" in said


def test_who_was_left_out_of_a_file_is_counted(reported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "file"
    shutil.copytree(reported, folder)
    cohorts = load_run(folder).facts["cohorts"]
    cohorts["train"] |= {"simulated": False, "manifest": {"rows": 271, "warnings": ["11 patients left out"]}}
    update_facts(folder, {"simulated": False, "cohorts": cohorts})
    said = sections.flow(load_run(folder))
    assert "Left out, for stated reasons</span><b>11</b>" in said
    assert "<li>11 patients left out</li>" in said
    assert "11 patients left out" in remarks_on_files(load_run(folder))[0]
    assert remarks_on_files(load_run(reported)) == []


def test_with_one_arm_and_without_external_patients_nothing_is_said_of_others(
    reported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "alone"
    shutil.copytree(reported, folder)
    tables = folder / "tables"
    pd.read_parquet(tables / "arms.parquet").iloc[:1].to_parquet(tables / "arms.parquet")
    layout = pd.read_parquet(tables / "table_one_layout.parquet")
    fixed = ["section", "label", "level", "statistic", "missing", "smd"]
    groups = [c for c in layout if c not in fixed]
    layout[[*fixed[:4], *groups[:2], *fixed[4:]]].to_parquet(tables / "table_one_layout.parquet")
    scores = pd.read_parquet(tables / "scores.parquet").query("data == 'cross-validation'")
    scores.to_parquet(tables / "scores.parquet")
    alone, run = load_run(folder), load_run(reported)
    for section, word in (
        (sections.arms, "Hazard ratio"),
        (sections.table_one, "Difference"),
        (sections.performance_figures, "open marks"),
    ):
        assert word in section(run)
        assert word not in section(alone)


def test_gains_of_acting_are_those_of_the_decisions_table(reported: Path, page: str) -> None:
    run = load_run(reported)
    table = run.table("decisions").query("data == 'external' and model == 'cox' and horizon_months == 12")
    gain = 100 * float(table.loc[table["threshold"].round(2) == 0.4, "gain"].iloc[0])
    row = re.search(r"<tr><td>40%</td>(.*?)</tr>", sections.decisions(run))
    assert row is not None
    assert f">{gain:.1f}<" in row[1]
    assert sections.decisions(run) in page


def test_three_patients_are_told_one_by_one(page: str) -> None:
    assert (
        page.count("How one prediction comes about, step by step from the average patient.</figcaption>") == 6
    )


def test_the_page_says_how_to_repeat_the_run(page: str) -> None:
    for said in ("lungio run experiment.yaml", "c" * 64, "e" * 64, "a" * 40, "scikit-survival"):
        assert said in page


def test_the_notebook_is_executed_and_names_no_machine(reported: Path) -> None:
    notebook = nbformat.read(reported / "report.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(c.execution_count for c in code)
    assert str(reported) not in (reported / "report.ipynb").read_text()
    assert sys.executable not in (reported / "report.ipynb").read_text()


def test_the_notebook_only_reads(reported: Path, small_run: Path) -> None:
    written = {path.name for path in report_files(reported)}
    assert written == {"report.html", "report.ipynb", "TRIPOD_AI.md", "PROBAST_AI.md", "MODEL_CARD.md"}

    def files(folder: Path) -> dict[str, bytes]:
        found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        return {name: content for name, content in found.items() if name not in written}

    assert files(reported) == files(small_run)
    assert ".fit(" not in REPORT_SCRIPT.read_text()


def test_the_same_run_gives_the_same_page(reported: Path, page: str) -> None:
    make_report(reported, REPORT_SCRIPT)
    assert (reported / "report.html").read_text(encoding="utf-8") == page


def test_an_error_in_a_cell_leaves_the_old_report(reported: Path, tmp_path: Path, page: str) -> None:
    from nbclient.exceptions import CellExecutionError

    broken = tmp_path / "broken.py"
    broken.write_text("# %%\nraise ValueError('a fault in a cell')\n")
    with pytest.raises(CellExecutionError, match="a fault in a cell"):
        make_report(reported, broken)
    assert (reported / "report.html").read_text(encoding="utf-8") == page


def test_cells_run_in_this_interpreter_whatever_kernels_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = tmp_path / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(
        '{"argv": ["/bin/false"], "display_name": "trap", "language": "python"}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    script = tmp_path / "where.py"
    script.write_text("# %%\nimport sys, os\nprint(sys.executable, os.getcwd())\n")
    executed = execute(script, tmp_path)
    assert executed.cells[0].outputs[0]["text"].split() == [sys.executable, str(tmp_path)]


def test_a_failed_check_is_the_first_thing_said(reported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "failed"
    shutil.copytree(reported, folder)
    update_facts(folder, {"checks": [{"name": "oracle_is_ceiling", "passed": False, "detail": "cox above"}]})
    said = sections.opening(load_run(folder))
    assert "This run failed a check; do not rely on it." in said
    assert "cox above" in said


def test_a_real_cohort_is_called_real(reported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "real"
    shutil.copytree(reported, folder)
    train = load_run(folder).facts["cohorts"]["train"] | {"simulated": False}
    update_facts(folder, {"simulated": False, "cohorts": {"train": train}})
    said = sections.opening(load_run(folder))
    assert "The patients in this report are real." in said
    assert "does not show how they do elsewhere" in said.replace("\n", " ")
    assert "simulated" not in said
    assert sections.fidelity(load_run(folder)) == ""


def test_a_mix_of_real_and_simulated_is_told(reported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    shutil.copytree(reported, folder)
    cohorts = load_run(folder).facts["cohorts"]
    cohorts["external"]["simulated"] = False
    update_facts(folder, {"simulated": False, "cohorts": cohorts})
    assert "The external patients are real; the others are simulated." in sections.opening(load_run(folder))


def test_a_hypothetical_arm_is_called_so_first(reported: Path, tmp_path: Path, page: str) -> None:
    folder = tmp_path / "hypothetical"
    shutil.copytree(reported, folder)
    path = folder / "tables" / "arms.parquet"
    arms = pd.read_parquet(path)
    names = {str(arms["arm"].iloc[-1]): "hypothetical_new"}
    arms.assign(arm=arms["arm"].astype(str).replace(names)).to_parquet(path)
    said = sections.opening(load_run(folder))
    assert "Hypothetical new: no patient has ever been treated so." in said
    assert "no patient has ever been treated so" not in page


# --- pieces of a page


def test_blocks_escape_what_they_are_given() -> None:
    assert text("<b>") == "&lt;b&gt;"
    assert text(Markup("<b>")) == "<b>"
    assert text(float("nan")) == text(None) == ""
    assert "&lt;i&gt;" in table(["<i>"], [["x"]])
    assert "<script>" not in notice("caution", "<script>", ["<script>"])


def test_an_estimate_shows_its_interval() -> None:
    assert estimate(0.5, 0.4, 0.6, digits=2) == '0.50<span class="interval">0.40 to 0.60</span>'
    assert estimate(0.5, float("nan"), float("inf")) == "0.500"
    assert estimate(float("nan"), 0, 1) == "–"
    assert estimate(0.5, 0.4, 0.6, best=True).startswith("<b>0.500</b>")
