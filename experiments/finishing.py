"""What follows a folder that is whole: its report, its place in MLflow; and taking up a killed run."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from pipeline.artifacts import update_facts
from pipeline.artifacts.run_folder import RunView, load_run
from pipeline.artifacts.sole_writer import is_held, lock_file, locked_place, read_lock
from pipeline.schema import InputError
from pipeline.tracking.refusals import StoreError
from pipeline.tracking.store import plain_uri

if TYPE_CHECKING:
    from experiments.config import Experiment
    from experiments.progress import StageProgress
    from experiments.run import Options
    from pipeline.schema import Cohort
    from pipeline.tracking.champion import Verdict

REPORT_SCRIPT: Final = Path(__file__).with_name("notebooks") / "report.py"
REPORT, FILING = "report", "filing in MLflow"  # what may be outstanding of a run whose folder is whole


def finish(
    folder: Path,
    store: str | None,
    experiment: Experiment,
    options: Options,
    external: Callable[[], Cohort | None],
    progress: StageProgress,
) -> tuple[StoreError | None, Verdict | None]:
    """Do what is outstanding of a run whose folder is whole: report, MLflow, registry.

    Parameters
    ----------
    folder : Path
    store : str, optional
        None where nothing is to be filed.
    experiment : Experiment
    options : Options
    external : callable
        Returns the patients the run was judged on; asked when the registry needs them.
    progress : StageProgress

    Returns
    -------
    StoreError or None
        Why it could not be filed.
    Verdict or None
        What became of its best model.
    """
    from pipeline.run.streams import stage_generator

    waiting = outstanding(folder)
    filing = store if FILING in waiting else None
    patients = external() if filing is not None else None
    run_id, failure = file_and_report(
        folder, filing, experiment, options.report and REPORT in waiting, progress
    )
    verdict = None
    if filing is not None and run_id is not None and failure is None:
        from pipeline.tracking import crown

        rng = stage_generator(np.random.default_rng(experiment.seed), "champion")
        try:
            verdict = crown(load_run(folder), run_id, filing, patients, rng)
        except StoreError as error:
            failure = error
    done = [REPORT] * options.report + [FILING] * (filing is not None and failure is None)
    left = [what for what in waiting if what not in done]
    facts = load_run(folder).facts
    update_facts(folder, {"seconds": facts["seconds"] | progress.seconds, "outstanding": left})
    return failure, verdict


def file_and_report(
    folder: Path, store: str | None, experiment: Experiment, report: bool, progress: StageProgress
) -> tuple[str | None, StoreError | None]:
    """File the run in MLflow while another process writes the report; then file the report too.

    Returns
    -------
    str or None
        The filed run's identifier.
    StoreError or None
        Why it could not be filed; the report is made all the same.
    """
    from pipeline.report import make_report, report_files

    run_id, failure = None, None
    with ThreadPoolExecutor(max_workers=1) as pool:
        writing = pool.submit(make_report, folder, REPORT_SCRIPT, progress) if report else None
        try:
            if store is not None:
                from pipeline.tracking import track_run

                run_id = track_run(load_run(folder), store, experiment.tracking.experiment, progress)
        except StoreError as error:
            failure = error
        if writing is not None:
            writing.result()
    try:
        if store is not None and run_id is not None:
            from pipeline.tracking import log_report

            log_report(store, run_id, report_files(folder))
    except StoreError as error:
        failure = error
    return run_id, failure


def outstanding(folder: Path) -> list[str]:
    """Return what is still to be done of a run whose folder is whole; nothing of what is no run's folder."""
    try:
        facts = RunView(folder).facts
    except (OSError, InputError):
        return []
    return [str(what) for what in facts.get("outstanding", [])]


def settle(folder: Path, what: str) -> None:
    """Take note that something outstanding of a run has been done."""
    waiting = outstanding(folder)
    if what in waiting:
        update_facts(folder, {"outstanding": [other for other in waiting if other != what]})


def unfinished(experiment: Experiment, digest: str) -> Path | None:
    """Return the place in ``runs/`` of the latest run of this very experiment that was not finished."""
    found: list[Path] = []
    for lock in Path("runs").glob(f"{lock_file(Path(f'{experiment.name}-*'))}"):
        if (read_lock(lock) or {}).get("config_sha256") == digest and not is_held(lock):
            found.append(locked_place(lock))
    for facts in Path("runs").glob(f"{experiment.name}-*/run.json"):
        folder = facts.parent
        if outstanding(folder) and load_run(folder).facts.get("config_sha256") == digest:
            found.append(folder)
    return max((f for f in found if not is_held(lock_file(f))), key=lambda path: path.name, default=None)


def not_filed(folder: Path, tracking_uri: str | None, failure: StoreError) -> StoreError:
    """Return the store's failure with how what is in `folder` is filed later."""
    return StoreError(
        f"{folder} is whole but not filed. {failure}\n"
        f"file it later: lungio push {shlex.quote(str(folder))}{given_store(tracking_uri)}"
    )


def given_store(tracking_uri: str | None) -> str:
    """Return the option that names the same store in another command, without its password."""
    return f" --tracking-uri {shlex.quote(plain_uri(tracking_uri))}" if tracking_uri else ""


def check_resumable(folder: Path, digest: str) -> None:
    """Raise an InputError unless `folder` holds a run of the experiment that is to be resumed."""
    if load_run(folder).facts.get("config_sha256") != digest:
        raise InputError(f"{folder} holds a run of another experiment or seed; choose another --out")
