"""Where a run comes from: evidence or file, cohorts, features, models and report as one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

SHA_LETTERS: Final = 10
STAGES: Final = ("Source", "Cohort", "Features", "Models", "Report")


def lineage(facts: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the graph of a run, from what ``run.json`` holds.

    Parameters
    ----------
    facts : mapping

    Returns
    -------
    nodes : DataFrame
        `node`, `stage` (one of `STAGES`), `title`, `detail` (lines, the fingerprint last).
    edges : DataFrame
        `source`, `target`: names of nodes; no arrow leads back.
    """
    nodes: list[tuple[str, str, str, str]] = []
    edges: list[tuple[str, str]] = []
    config = ("config", "Source", "Configuration", f"seed {facts['seed']}\n{_print(facts['config_sha256'])}")
    nodes.append(config)
    if any(c["simulated"] for c in facts["cohorts"].values()):
        evidence = facts["evidence"]
        nodes.append((
            "evidence", "Source", "Published evidence",
            f"{evidence['files']} files\n{_print(evidence['sha256'])}",
        ))  # fmt: skip
    for role, cohort in facts["cohorts"].items():
        name = f"cohort_{role}"
        kind = "simulated" if cohort["simulated"] else "real"
        nodes.append((
            name, "Cohort", f"{role.capitalize()} cohort",
            f"{cohort['name']}\n{cohort['patients']:,} {kind} patients\n{_print(cohort['sha256'])}",
        ))  # fmt: skip
        if cohort["simulated"]:
            edges += [("evidence", name), ("config", name)]
        else:
            manifest = cohort["manifest"]
            nodes.append((
                f"file_{role}", "Source", f"File {manifest.get('file', '')}".strip(),
                f"{manifest.get('rows', cohort['patients']):,} rows\n{_print(manifest.get('sha256', ''))}",
            ))  # fmt: skip
            edges.append((f"file_{role}", name))
    _add_models(facts, nodes, edges)
    git = facts.get("git") or {}
    commit = f"\ncommit {git['commit'][:SHA_LETTERS]}{'+' if git.get('changed') else ''}" if git else ""
    nodes.append((
        "report", "Report", "Scores, explanations,\nreport", f"lungio {facts['versions']['lungio']}{commit}"
    ))  # fmt: skip
    edges += [(f"cohort_{role}", "report") for role in facts["cohorts"] if role != "train"]
    nodes.sort(key=lambda node: STAGES.index(node[1]))
    return (
        pd.DataFrame(nodes, columns=["node", "stage", "title", "detail"]),
        pd.DataFrame(edges, columns=["source", "target"]),
    )


def predictors(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the declarations of the columns that models learn from, the arm last."""
    chosen = facts["analysis"]["features"]
    columns = facts["cohorts"]["train"]["columns"]
    baseline = [c for c in columns if c["role"] == "baseline" and (chosen is None or c["name"] in chosen)]
    return baseline + [c for c in columns if c["role"] == "arm"]


def _add_models(
    facts: Mapping[str, Any], nodes: list[tuple[str, str, str, str]], edges: list[tuple[str, str]]
) -> None:
    learnt = {name: about for name, about in facts["models"].items() if about.get("features")}
    fixed = [name for name, about in facts["models"].items() if name not in learnt and about["saved"]]
    if learnt:
        sizes = sorted({about["features"] for about in learnt.values()})
        count = " or ".join(map(str, sizes))
        nodes.append(
            ("features", "Features", "Features", f"{len(predictors(facts))} columns\n{count} features")
        )
        edges.append(("cohort_train", "features"))
    for name, about in learnt.items():
        nodes.append(
            (f"model_{name}", "Models", name, _print(about["sha256"]) if about["saved"] else "not stored")
        )
        edges += [("features", f"model_{name}"), (f"model_{name}", "report")]
    if fixed:
        nodes.append(("fixed", "Models", "Published scores", ", ".join(fixed)))
        edges += [("cohort_train", "fixed"), ("fixed", "report")]
    if "oracle" in facts["models"]:
        nodes.append(("oracle", "Models", "oracle", "reads the truth"))
        edges += [("cohort_train", "oracle"), ("oracle", "report")]


def in_words(facts: Mapping[str, Any]) -> str:
    """Return the graph as text: each node with its fingerprint, and what it was made from."""
    nodes, edges = lineage(facts)
    titles = {row["node"]: _flat(row["title"]) for row in nodes.to_dict("records")}
    said = []
    for row in nodes.to_dict("records"):
        made_from = [titles[s] for s in edges.loc[edges["target"] == row["node"], "source"]]
        origin = f", from {' and '.join(made_from)}" if made_from else ""
        said.append(f"{titles[row['node']]} ({_flat(row['detail'])}){origin}")
    return "; ".join(said) + "."


def _flat(text: str) -> str:
    return text.replace(",\n", ", ").replace("\n", ", ")


def _print(sha256: str) -> str:
    return f"SHA-256 {sha256[:SHA_LETTERS]}…"
