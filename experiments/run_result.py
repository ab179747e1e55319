"""What `lungio run` prints: scores, what became of the best model, and where report and run are."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.finishing import given_store
from experiments.output import chatty, show
from pipeline.artifacts.run_folder import load_run
from pipeline.tracking.store import plain_uri

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.artifacts import RunView
    from pipeline.tracking.champion import Verdict


def print_result(
    console: Console,
    folder: Path,
    store: str | None,
    tracking_uri: str | None,
    verdict: Verdict | None = None,
) -> None:
    """Print the score table, what became of the best model, and where report and run are to be found."""
    from pipeline.report import PAGE

    view = load_run(folder)
    page = folder / PAGE if (folder / PAGE).is_file() else None
    scores = view.table("scores")
    document = {
        "research_use": view.facts["research_use"],
        "simulated": view.facts["simulated"],
        "run": folder,
        "report": page,
        "store": store and plain_uri(store),
        "scores": scores[scores["group"] == "all"].to_dict("records"),
        "response": _responses(view),
        "checks": view.facts["checks"],
        "registered": verdict and {**asdict(verdict), "alias": "champion" if verdict.crowned else None},
    }
    show(console, document, lambda: _print_run(console, view, page, store, tracking_uri, verdict))


def _responses(view: RunView) -> list[dict[Hashable, Any]]:
    """Return the overall scores of classifiers of response; none where it was not asked for."""
    if "response_scores" not in view.tables:
        return []
    scores = view.table("response_scores")
    return scores[scores["group"] == "all"].drop(columns="horizon_months").to_dict("records")


def remarks_on_files(view: RunView) -> list[str]:
    """Return what was left out or changed when the run's files of patients were read."""
    files = [about for about in view.facts["cohorts"].values() if not about["simulated"]]
    return [f"{a['name']}: {said}" for a in files for said in a["manifest"].get("warnings", ())]


def _print_run(
    console: Console,
    view: RunView,
    page: Path | None,
    store: str | None,
    tracking_uri: str | None,
    verdict: Verdict | None,
) -> None:
    from experiments.score_table import response_table, score_tables

    for data in dict.fromkeys(view.table("scores")["data"]):
        for table in score_tables(view, data, console.width):
            console.print(table)
    for data in dict.fromkeys(row["data"] for row in _responses(view)):
        console.print(response_table(view, data))
    if chatty(console):
        for said in remarks_on_files(view):
            console.print(said, style="yellow", highlight=False, soft_wrap=True, markup=False)
    for check in view.facts["checks"]:
        if not check["passed"]:
            console.print(f"CHECK FAILED {check['name']}: {check['detail']}", style="bold red")
    console.print(view.facts["research_use"], style="bold")

    def say(what: str, where: object) -> None:
        console.print(f"{what:<8}{where}", highlight=False, soft_wrap=True)

    say("run", view.folder)
    if page is not None:
        say("report", page)
    if store is not None:
        say("compare", f"lungio ui{given_store(tracking_uri)}")
    if verdict is not None:
        from pipeline.tracking import verdict_line

        say("model", verdict_line(verdict))
