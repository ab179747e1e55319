"""Checklists and model card: every item there, and what the run fills in is what the run did."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from pipeline.artifacts import load_run, table_digest, update_facts
from pipeline.report.standards import (
    ANSWERS,
    STANDARDS,
    Item,
    Standard,
    as_html,
    as_markdown,
    fill,
    markdown_documents,
    section,
    standard,
    summary,
)
from pipeline.run import RunPlan
from tests.standards_account import answers_of, disagreements, expected, model_digest

# Sub-items of the 27 items of TRIPOD+AI (BMJ 2024;385:e078378), questions of each domain of PROBAST+AI
# (BMJ 2025;388:e082505: 16 of development, 18 of evaluation).
TRIPOD_PARTS = {
    3: "abc",
    5: "ab",
    6: "abc",
    8: "abc",
    9: "abc",
    12: "abcdefg",
    18: "abcdef",
    20: "abc",
    23: "ab",
    27: "abc",
}
PROBAST_QUESTIONS = {"development": (3, 4, 4, 5), "evaluation": (3, 4, 4, 7)}


def test_every_item_of_tripod_ai_is_there_in_order() -> None:
    wanted = [f"{n}{part}" for n in range(1, 28) for part in TRIPOD_PARTS.get(n, [""])]
    assert [item.id for item in standard("tripod_ai").items] == wanted
    assert len(wanted) == 52


def test_every_question_of_probast_ai_is_there_in_order() -> None:
    wanted = [
        f"{part} {domain}.{question}"
        for part, sizes in PROBAST_QUESTIONS.items()
        for domain, size in enumerate(sizes, start=1)
        for question in range(1, size + 1)
    ]
    assert [item.id for item in standard("probast_ai").items] == wanted
    assert Counter(w.split()[0] for w in wanted) == {"development": 16, "evaluation": 18}


def test_every_answer_named_exists_and_none_is_left_over() -> None:
    used = {item.run for name in STANDARDS for item in standard(name).items if item.run}
    assert used == set(ANSWERS)


def test_an_item_nobody_fills_is_refused_and_one_that_stands_twice() -> None:
    with pytest.raises(ValidationError, match="item 9: name what fills it"):
        Item(id="9", section="x", asks="y")
    with pytest.raises(ValidationError, match="always writes"):
        Item(id="9", section="x", asks="y", person="z", person_if="real")
    one = Item(id="9", section="x", asks="y", person="z")
    with pytest.raises(ValidationError, match="stand twice: 9"):
        Standard(name="n", file="f", title="t", source="s", note="", items=(one, one))


def test_what_the_run_fills_in_agrees_with_patients_and_files(reported: Path, small_plan: RunPlan) -> None:
    written = (reported / "TRIPOD_AI.md").read_text(encoding="utf-8")
    assert disagreements(written, expected(small_plan, reported)) == []


# What is true of every run of its kind, and holds no figure of this one.
OF_EVERY_RUN = {
    "3b", "6a", "6b", "7", "8b", "8c", "9c", "12d", "12f", "12g", "13", "17", "23b", "24", "27a",
}  # fmt: skip


def test_everything_the_run_fills_in_is_compared_or_holds_no_figure(
    reported: Path, small_plan: RunPlan
) -> None:
    filled = {one.item.id: one.said for one in fill(standard("tripod_ai"), load_run(reported)) if one.said}
    compared = expected(small_plan, reported)
    assert set(filled) == set(compared) | OF_EVERY_RUN
    assert not set(compared) & OF_EVERY_RUN
    words = {k: re.sub(r"1st|99th|\(\d+ notes", "", v) for k, v in filled.items() if k in OF_EVERY_RUN}
    assert not {k: v for k, v in words.items() if re.search(r"\d", v)}
    notes = len(load_run(reported).table("findings"))
    assert f"({notes} notes; all are in the report)" in filled["7"]


# Questions of PROBAST+AI that a run answers with figures, and the items of TRIPOD+AI that give the same.
SAME_FIGURES = {
    "development 1.1": "5a", "development 2.1": "9b", "development 3.1": "8a", "development 4.1": "10",
    "development 4.2": "12b", "development 4.3": "11", "evaluation 1.3": "16", "evaluation 2.1": "9b",
    "evaluation 3.1": "8a", "evaluation 4.3": "11",
}  # fmt: skip


def test_questions_of_bias_are_told_the_runs_own_figures(reported: Path, small_plan: RunPlan) -> None:
    written = (reported / "PROBAST_AI.md").read_text(encoding="utf-8")
    figures, external = expected(small_plan, reported), small_plan.external
    wanted = {question: figures[item] for question, item in SAME_FIGURES.items()}
    assert external is not None
    censored = [int((~f["died"]).sum()) for f in (small_plan.train.observed, external.observed)]
    size = f"{len(external)} patients, {int(external.observed['died'].sum())} events"
    wanted |= {"evaluation 1.1": [size, table_digest(external.observed)[:12]], "evaluation 4.2": [size]}
    wanted["evaluation 4.3"] = [*figures["11"], f"Censored: {censored[0]} of", f"and {censored[1]} of"]
    assert disagreements(written, wanted) == []
    assert disagreements(written.replace(size, "3 patients"), wanted)


@pytest.mark.parametrize(
    ("item", "change"),
    [
        ("18e", lambda facts: {"seed": 4}),
        ("18c", lambda facts: {"config_sha256": "d" * 64}),
        ("15", lambda facts: {"analysis": facts["analysis"] | {"horizons_months": [6, 18]}}),
        (
            "22",
            lambda facts: {
                "models": facts["models"] | {"cox": facts["models"]["cox"] | {"sha256": "0" * 64}}
            },
        ),
    ],
)
def test_the_comparison_sees_another_run(
    item, change, reported: Path, small_plan: RunPlan, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    shutil.copytree(reported, folder)
    wanted = expected(small_plan, folder)
    update_facts(folder, change(load_run(folder).facts))
    written = as_markdown(standard("tripod_ai"), load_run(folder))
    assert any(line.startswith(f"{item}:") for line in disagreements(written, wanted))


def test_the_comparison_sees_one_event_less(reported: Path, small_plan: RunPlan, tmp_path: Path) -> None:
    folder = tmp_path / "less"
    shutil.copytree(reported, folder)
    path = folder / "tables" / "flow.parquet"
    flow = pd.read_parquet(path)
    flow.loc[0, "events"] -= 1
    flow.to_parquet(path)
    written = as_markdown(standard("tripod_ai"), load_run(folder))
    seen = {line.split(":")[0] for line in disagreements(written, expected(small_plan, folder))}
    assert {"2", "5a", "10", "16", "20a", "21"} <= seen


def test_each_item_is_filled_or_asks_a_person(reported: Path) -> None:
    run = load_run(reported)
    for name in STANDARDS:
        filled = fill(standard(name), run)
        assert all(one.said or one.person for one in filled)
        assert all(one.said.strip() for one in filled if one.item.run)
        for word in ("nan", "None", "inf "):
            assert not [one.item.id for one in filled if re.search(rf"\b{word.strip()}\b", one.said)]
    states = Counter(one.state for one in fill(standard("tripod_ai"), run))
    assert states["run"] > 25
    assert states["person"] >= 5  # funding, interests, registration, the public, inequalities, next steps


def test_real_patients_ask_more_of_a_person(reported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "real"
    shutil.copytree(reported, folder)
    cohorts = load_run(folder).facts["cohorts"]
    manifest = {"file": "hospital.csv", "sha256": "f" * 64, "rows": 271, "citation": "Somebody 2020"}
    cohorts["train"] |= {"simulated": False, "manifest": manifest}
    del cohorts["external"]
    flow = pd.read_parquet(folder / "tables" / "flow.parquet")
    flow[flow["role"] == "train"].to_parquet(folder / "tables" / "flow.parquet")
    update_facts(folder, {"simulated": False, "cohorts": cohorts})
    simulated, real = (
        {one.item.id: one for one in fill(standard("tripod_ai"), load_run(path))}
        for path in (reported, folder)
    )
    assert [i for i, one in real.items() if one.person and not simulated[i].person] == [
        "5b", "6a", "6b", "8b", "8c", "9b", "9c", "18e", "20c",
    ]  # fmt: skip
    assert "271 rows in the file, 11 left out" in real["6b"].said
    assert "hospital.csv" in real["5a"].said
    assert "No patient's data were used" in simulated["17"].said
    assert "No patient's data were used" not in real["17"].said


def test_questions_of_bias_are_answered_only_where_the_run_can_tell(reported: Path, tmp_path: Path) -> None:
    suggested = {one.item.id: one.suggests for one in fill(standard("probast_ai"), load_run(reported))}
    assert suggested["evaluation 4.1"] == suggested["evaluation 4.5"] == suggested["evaluation 4.7"] == "yes"
    assert suggested["development 4.4"] == "not applicable"
    assert suggested["development 4.1"] == suggested["evaluation 1.3"] == ""
    folder = tmp_path / "poor"
    shutil.copytree(reported, folder)
    facts = load_run(folder).facts
    failed = [c | {"passed": False} for c in facts["checks"]]
    update_facts(folder, {"checks": failed, "analysis": facts["analysis"] | {"metrics": ["uno_c"]}})
    suggested = {one.item.id: one.suggests for one in fill(standard("probast_ai"), load_run(folder))}
    assert suggested["evaluation 4.7"] == "no"
    assert suggested["evaluation 4.5"] == "no information"
    assert suggested["development 4.5"] == ""


def test_the_card_is_of_the_best_trained_model(reported: Path) -> None:
    run = load_run(reported)
    scores = run.table("scores").query("data == 'external' and metric == 'uno_c' and group == 'all'")
    best = scores[scores["model"].isin(["cox", "rsf"])].sort_values("value")["model"].iloc[-1]
    found = answers_of((reported / "MODEL_CARD.md").read_text(encoding="utf-8"))
    assert found["model"].split("\n")[2].startswith({"cox": "Cox of", "rsf": "Survival forest of"}[best])
    assert model_digest(reported / "models" / best) in found["version"]
    assert "For research only" in found["use"]


def test_documents_lie_in_the_run_folder_and_on_its_page(reported: Path) -> None:
    run, page = load_run(reported), (reported / "report.html").read_text(encoding="utf-8")
    for name in STANDARDS:
        document = standard(name)
        assert (reported / document.file).read_text(encoding="utf-8") == markdown_documents(run)[
            document.file
        ]
        assert as_html(document, run) in page
        assert summary(fill(document, run)) in page
    assert "A &lt;small&gt; run" in section(run)
    assert "A \\<small\\> run" in (reported / "TRIPOD_AI.md").read_text(encoding="utf-8")


def test_a_run_that_holds_too_little_gets_none(reported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(reported, folder)
    (folder / "tables" / "flow.parquet").unlink()
    assert markdown_documents(load_run(folder)) == {}
    assert section(load_run(folder)) == ""
