"""MLflow's pages of a store in a real browser: opened, read, and kept as pictures.

``python -m benchmarks.mlflow_pages STORE OUT`` opens the pages of a store that holds at least one run.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from benchmarks.browser import chromium, console_errors, missing_browser, picture, requests, show
from pipeline.tracking.store import resolve_store, ui_command

START_SECONDS, PAGE_SECONDS = 120.0, 60.0
# Not faults of a page. MLflow asks who is logged in, and without accounts its own server answers 404;
# a slow browser puts a resize off to its next frame and says so.
HARMLESS = (
    "/ajax-api/2.0/mlflow/users/current",
    "ResizeObserver loop completed with undelivered notifications",
)
CHART = ".js-plotly-plot .main-svg"
# Its chat panel opens itself over a third of every page of a new browser.
WITHOUT_CHAT = """
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
"""


@dataclass(frozen=True)
class Page:
    """One page: its place below the server, words on it when it is whole, and what draws its chart."""

    name: str
    place: str
    words: tuple[str, ...]
    drawn: str = "body"  # a CSS selector


@dataclass(frozen=True)
class Seen:
    """What the browser saw of a page: words that never came, errors on the console, hosts asked."""

    page: Page
    missing: tuple[str, ...]
    errors: tuple[str, ...]
    hosts: tuple[str, ...]
    picture: Path


@contextmanager
def served(store: str) -> Iterator[str]:
    """Start ``lungio ui``'s command for `store` on a free port of this machine and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "PYTHONWARNINGS": "ignore",
    }
    command = [*ui_command(store, port), "--workers", "1"]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait(process, f"{address}/health")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"MLflow's server stopped with exit code {process.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own server on this machine
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"MLflow's server did not answer within {START_SECONDS:g} s")


def pages_of(store: str) -> list[Page]:
    """Return the pages of the newest parent run in `store`: lists, children compared, a metric, a model."""
    from pipeline.tracking.client import quiet_mlflow

    with quiet_mlflow(store) as mlflow:
        client = mlflow.MlflowClient(tracking_uri=store)
        experiments = [e.experiment_id for e in client.search_experiments()]
        found = client.search_runs(experiments, order_by=["attributes.start_time DESC"], max_results=1000)
        parent = next(r for r in found if "mlflow.parentRunId" not in r.data.tags)
        children = [r for r in found if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        experiment = client.get_experiment(parent.info.experiment_id)
        registered = [m.name for m in client.search_registered_models()]
    place = f"#/experiments/{experiment.experiment_id}"
    runs = quote(json.dumps([r.info.run_id for r in children]))
    own = quote(json.dumps([experiment.experiment_id]))
    names = tuple(r.data.tags["model"] for r in children)
    data = "external" if any(k.startswith("external.auc") for k in children[0].data.metrics) else "cv"
    chart = {
        "runs": [r.info.run_id for r in children], "experiments": [experiment.experiment_id],
        "metric": f"{data}.auc",
        "plot_metric_keys": [f"{data}.auc"], "plot_layout": {"autosize": True, "xaxis": {}, "yaxis": {}},
        "deselected_curves": [], "last_linear_y_axis_range": [],
    }  # fmt: skip
    asked = "&".join(f"{key}={quote(json.dumps(value))}" for key, value in chart.items())
    steps = "x_axis=step&y_axis_scale=linear&line_smoothness=1&show_point=true"  # a step is a month
    pages = [
        Page("experiments", "#/experiments", (experiment.name,)),
        Page("runs", f"{place}/runs", (parent.data.tags["mlflow.runName"],)),
        Page("comparison", f"#/compare-runs?runs={runs}&experiments={own}", ("Comparing", *names), CHART),
        Page("metric", f"#/metric?{asked}&{steps}", (f"{data}.auc",), CHART),
        Page("run", f"{place}/runs/{parent.info.run_id}", (parent.data.tags["mlflow.runName"], "seed")),
    ]
    return pages + [Page("model", f"#/models/{quote(name)}", (name, "champion")) for name in registered[:1]]


def look(driver: Any, address: str, pages: Sequence[Page], out: Path) -> list[Seen]:
    """Open each page, wait until its words stand on it, and keep a picture."""
    out.mkdir(parents=True, exist_ok=True)
    found = []
    show(driver, f"{address}/")
    driver.execute_script(WITHOUT_CHAT)
    for page in pages:
        show(driver, "about:blank")  # a place behind a hash would not load anew
        show(driver, f"{address}/{page.place}", height=1000)
        missing = _missing(driver, page)
        time.sleep(0.5)  # a chart settles
        shot = picture(driver, out / f"mlflow_{page.name}.png")
        hosts = {urlsplit(url).netloc for url in requests(driver) if url.startswith(("http", "ws"))}
        errors = tuple(s for s in console_errors(driver) if not any(known in s for known in HARMLESS))
        found.append(Seen(page, missing, errors, tuple(sorted(hosts)), shot))
    return found


def _missing(driver: Any, page: Page) -> tuple[str, ...]:
    until = time.monotonic() + PAGE_SECONDS
    while True:
        text = driver.execute_script("return document.body ? document.body.textContent : ''")
        drawn = driver.execute_script("return document.querySelector(arguments[0]) !== null", page.drawn)
        missing = tuple(w for w in page.words if w not in text) + (() if drawn else (page.drawn,))
        if not missing or time.monotonic() > until:
            return missing
        time.sleep(0.2)


def main(words: list[str]) -> None:
    """Open the pages of the store named first and write their pictures to the folder named second."""
    if why := missing_browser():
        sys.exit(why)
    store = resolve_store(words[0] if words else None)
    out = Path(words[1] if len(words) > 1 else "mlflow_pages")
    with served(store) as address, chromium() as driver:
        for seen in look(driver, address, pages_of(store), out):
            said = "; ".join([*(f"missing {w!r}" for w in seen.missing), *seen.errors]) or "whole, no error"
            print(f"{seen.page.name:<12}{seen.picture}  {said}  hosts {', '.join(seen.hosts)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
