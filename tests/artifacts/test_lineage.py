"""The graph of a run: everything in it was made from something, nothing leads back, prints are the files'."""

from __future__ import annotations

from pathlib import Path

from pipeline.artifacts import folder_digest, load_run
from pipeline.artifacts.lineage import STAGES, in_words, lineage


def test_arrows_lead_from_a_stage_to_a_later_one_and_reach_the_report(small_run: Path) -> None:
    nodes, edges = lineage(load_run(small_run).facts)
    place = {row.node: STAGES.index(row.stage) for row in nodes.itertuples()}
    assert all(place[e.source] < place[e.target] for e in edges.itertuples())
    assert set(nodes["stage"]) == set(STAGES)
    reached = {"report"}
    for _ in STAGES:
        reached |= set(edges.loc[edges["target"].isin(reached), "source"])
    assert reached == set(nodes["node"])
    sources = set(nodes.loc[nodes["stage"] == "Source", "node"])
    assert set(edges["target"]) == set(nodes["node"]) - sources


def test_prints_are_those_of_files_and_facts(small_run: Path) -> None:
    facts = load_run(small_run).facts
    nodes, _ = lineage(facts)
    detail = nodes.set_index("node")["detail"]
    for model in ("cox", "rsf"):
        assert folder_digest(small_run / "models" / model, "*")[:10] in detail[f"model_{model}"]
    assert facts["cohorts"]["train"]["sha256"][:10] in detail["cohort_train"]
    assert "260 simulated patients" in detail["cohort_train"]
    assert "e" * 10 in detail["evidence"]
    assert f"{facts['models']['cox']['features']} features" in detail["features"]


def test_a_real_cohort_comes_from_its_file_and_no_evidence(small_run: Path) -> None:
    facts = load_run(small_run).facts
    train = facts["cohorts"]["train"] | {
        "simulated": False, "manifest": {"file": "hospital.csv", "rows": 300, "sha256": "f" * 64},
    }  # fmt: skip
    nodes, edges = lineage(facts | {"cohorts": {"train": train}})
    assert "evidence" not in set(nodes["node"])
    assert next((e.source, e.target) for e in edges.itertuples()) == ("file_train", "cohort_train")
    assert "300 rows" in nodes.set_index("node").loc["file_train", "detail"]


def test_in_words_every_node_has_what_it_was_made_from(small_run: Path) -> None:
    said = in_words(load_run(small_run).facts)
    assert "Features (6 columns, 7 features), from Train cohort" in said
    assert said.count("SHA-256") >= 6
