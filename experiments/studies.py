"""What the commands beside `run` share: cohorts, facts, the folder, its page and the closing words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import yaml

from experiments.cohorts import CohortSource, resolve_cohort
from experiments.config import CohortChoice, find_config, read_spec, with_changes
from experiments.finishing import REPORT, settle
from experiments.output import show
from experiments.run import CHECKOUT, command_line, evidence_facts
from pipeline.artifacts import claim_folder, describe_cohort, git_commit, value_digest
from pipeline.config import Spec
from pipeline.schema import Cohort, InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import Console

    from experiments.progress import StageProgress

S = TypeVar("S", bound=Spec)
NOTEBOOKS: Final = Path(__file__).with_name("notebooks")
SIMULATED_LIMIT: Final = (
    "Simulated patients repeat what was published: survival and response of each arm, and effects and "
    "correlations of markers one paper at a time. What is found on them shows whether a method finds what "
    "was put in, not how well it would do for patients of a clinic."
)
REAL_LIMIT: Final = (
    "One cohort shows how things are for patients like these. It does not show how they are elsewhere, and "
    "what a model rests on is not shown to be a cause."
)


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes
    ----------
    title, lead : str
        Heading of its page, and the line beneath.
    tables : mapping of str to DataFrame
    figures : mapping of str to callable
        Each draws one figure from what stands in the tables.
    cohorts : mapping of str to Cohort
        By role, "train" or "test" or what the study calls them.
    limits : sequence of str
        What the numbers do not show, beyond what is said of all simulated or real patients.
    cards : sequence of (str, str, str)
        Heading, figure, detail: the study in a few numbers.
    facts : mapping
        Anything else, JSON-ready.
    """

    title: str
    lead: str
    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, Callable[[], Figure]]
    cohorts: Mapping[str, Cohort]
    limits: Sequence[str] = ()
    cards: Sequence[tuple[str, str, str]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def training_source(choice: CohortChoice, data: Path | None, command: str) -> CohortSource:
    """Return the source of a study's cohort; a file for a study that draws its patients is refused."""
    source = resolve_cohort(choice, data, "train", command)
    if data is not None and source.simulated:
        raise InputError(f"--data {data}: lungio {command} draws its patients and reads no file")
    return source


def study_folder(kind: str, name: str, out: Path | None) -> tuple[Path, dt.datetime]:
    """Claim the folder of a study before any work; return it and the time of starting."""
    started = dt.datetime.now(dt.UTC)
    folder = out or Path("runs") / f"{kind}-{name}-{started.astimezone():%Y%m%d-%H%M%S}"
    claim_folder(folder)
    return folder, started


@dataclass(frozen=True)
class Asked:
    """What the command line asks of a study, beside what its config says.

    Attributes
    ----------
    kind : str
        The command: "benefit", "transport" ...
    config : str
        A shipped name or a YAML file.
    data : Path, optional
        The file of a real cohort.
    out : Path, optional
        The folder to make.
    patients, seed, replicates : int, optional
        In place of the config's.
    report : bool
    """

    kind: str
    config: str
    data: Path | None = None
    out: Path | None = None
    patients: int | None = None
    seed: int | None = None
    report: bool = True
    replicates: int | None = None

    @property
    def command(self) -> str:
        """What the user typed after `lungio`, for messages."""
        return f"{self.kind} {self.config}"

    def read(self, spec: type[S]) -> S:
        """Read the config, with the command line's numbers in place of the file's."""
        read = read_spec(find_config("studies", self.config), spec)
        return with_changes(read, patients=self.patients, seed=self.seed, replicates=self.replicates)

    def folder(self, name: str) -> tuple[Path, dt.datetime]:
        """Claim the study's folder before any work; return it and the time of starting."""
        return study_folder(self.kind, name, self.out)


def keep_study(
    kind: str,
    spec: Spec,
    study: Study,
    folder: Path,
    started: dt.datetime,
    progress: StageProgress,
    report: bool,
    following: Sequence[str] = (),
) -> Path:
    """Write a study into `folder`, and its page where one is wanted, by the notebook of its kind.

    Until the page is there, and what is `following` it, the folder's ``run.json`` says what is outstanding.

    Returns
    -------
    Path
        The page, or the folder where there is none.
    """
    from pipeline.artifacts.study_folder import save_study

    settings = spec.model_dump(mode="json")
    seed = settings["seed"]
    simulated = {c.simulated for c in study.cohorts.values()}
    limits = [SIMULATED_LIMIT] * (True in simulated) + [REAL_LIMIT] * (False in simulated)
    facts = {
        "kind": kind,
        "name": str(settings.get("name", kind)),
        "title": study.title,
        "lead": study.lead,
        "seed": seed,
        "simulated": simulated.pop() if len(simulated) == 1 else None,
        "limits": [*limits, *study.limits],
        "cards": [{"what": w, "figure": f, "detail": d} for w, f, d in study.cards],
        "started": started.isoformat(timespec="seconds"),
        "identity": uuid4().hex,
        "outstanding": [REPORT] * report + list(following),
        "command": command_line(),
        "cohorts": {role: describe_cohort(cohort) for role, cohort in study.cohorts.items()},
        "settings": settings,
        "config_sha256": value_digest({"seed": seed, **settings}),
        "evidence": evidence_facts(),
        "git": git_commit(CHECKOUT),
        "seconds": dict(progress.seconds),
        "system": progress.used(),
        **study.facts,
    }
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    save_study(
        folder, facts=facts, tables=study.tables, figures=study.figures,
        files={f"{kind}.yaml": text}, progress=progress,
    )  # fmt: skip
    return study_page(kind, folder, progress) if report else folder


def study_page(kind: str, folder: Path, progress: StageProgress) -> Path:
    """Make the page of a study whose folder is whole, and return it."""
    from pipeline.report import make_report

    page = make_report(folder, NOTEBOOKS / f"{kind}.py", progress)
    settle(folder, REPORT)
    return page


def print_study(
    console: Console, folder: Path, page: Path, tables: Mapping[str, pd.DataFrame], draw: Callable[[], object]
) -> None:
    """Print a study that is kept in `folder`: what `draw` prints and where it is, or `tables` as JSON."""
    from pipeline.artifacts import RESEARCH_USE, load_run

    facts = load_run(folder).facts
    document = {
        "research_use": RESEARCH_USE,
        **{key: facts[key] for key in ("kind", "name", "title", "simulated", "limits", "cards")},
        "folder": folder,
        "report": None if page == folder else page,
        "tables": {name: table.to_dict("records") for name, table in tables.items()},
    }

    def everything() -> None:
        draw()
        print_places(console, folder, page)

    show(console, document, everything)


def print_places(console: Console, folder: Path, page: Path) -> None:
    """Print research use, and where folder and page are to be found."""
    from pipeline.artifacts import RESEARCH_USE

    console.print(RESEARCH_USE, style="bold")
    for what, where in (("folder", folder), ("report", page)):
        if where != folder or what == "folder":
            console.print(f"{what:<8}{where}", highlight=False, soft_wrap=True)
