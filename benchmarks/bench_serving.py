"""The champion behind `mlflow models serve`, asked over a real socket: right, refused, and how fast."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from rich.console import Console
from rich.table import Table

ROWS = 500
TIMED = 300
TOLERANCE = 1e-9
MONTHS = [18.0, 3.0, 7.5]
NAME = "served"
PREFIX = r"^(Failed to predict data '.*?'\. |Invalid input\. Data is not [a-z ]*signature\.)\s*(Error: )?"
EXPERIMENT = {
    "name": NAME,
    "seed": 1,
    "train": {"cohort": "keynote_189", "patients": 600},
    "external": {"patients": 400},
    "analysis": {
        "horizons_months": [6, 12],
        "models": {"cox": {}, "rsf": {}},
        "published": "none",
        "cross_validation": {"folds": 2, "repeats": 1},
        "bootstrap": {"replicates": 20},
        "explanation": {"patients": 10, "waterfalls": 0},
    },
}
Body = Any
Answer = tuple[int, dict[str, Any]]


def bad_bodies(good: dict[str, Any]) -> dict[str, tuple[Body, str]]:
    """Return kinds of request that cannot be answered, each with words its reason must hold.

    Parameters
    ----------
    good : dict
        A row that can be: a column and its value each.
    """

    def row(**changes: Any) -> Body:
        return {"dataframe_records": [good, good | changes]}

    def without(*names: str) -> Body:
        return {"dataframe_records": [{k: v for k, v in good.items() if k not in names}]}

    def asked(**params: Any) -> Body:
        return {"dataframe_records": [good], "params": params}

    split = {"columns": list(good), "data": [list(good.values())]}
    nothing = dict.fromkeys(good) | {"arm": good["arm"]}
    kinds = {
        "a column is missing": (without("nlr"), "columns 'nlr' are missing"),
        "two columns are missing": (without("nlr", "arm"), "are missing"),
        "no column is known": ({"dataframe_records": [{"x": 1}]}, "with the columns"),
        "age below zero": (row(age_years=-5), "row 2: age_years must be"),
        "a ratio below zero": (row(nlr=-0.1), "row 2: nlr must be"),
        "a share above 100": (row(pdl1_tps_percent=101), "row 2: pdl1_tps_percent must be from 0 to 100 %"),
        "a share below 0": (row(pdl1_tps_percent=-1), "Got -1 instead"),
        "a word for a number": (row(age_years="old"), "old"),
        "an empty word for a number": (row(age_years=""), "age_years"),
        "a list for a number": (row(age_years=[61]), "age_years"),
        "an object for a number": (row(age_years={"years": 61}), "age_years"),
        "a date for a number": (row(age_years="1961-01-01"), "1961"),
        "infinity": (row(nlr=math.inf), "Got inf instead"),
        "a number too large": (json.dumps(row(nlr=0.12345)).replace("0.12345", "1e999"), "inf"),
        "a fact that is 2": (row(male=2), "row 2: male must be 0 or 1"),
        "a fact that is a half": (row(male=0.5), "male must be 0 or 1"),
        "a fact that is a word": (row(male="yes"), "yes"),
        "an arm never trained on": (row(arm="surgery"), "row 2: arm must be one of"),
        "an arm in capitals": (row(arm=str(good["arm"]).upper()), "arm must be one of"),
        "an arm that is a number": (row(arm=1), "arm"),
        "no arm": (row(arm=None), "arm is missing"),
        "nothing measured": ({"dataframe_records": [nothing]}, "row 1: no baseline value is given"),
        "no rows": ({"dataframe_records": []}, "there is no row"),
        "columns without rows": ({"dataframe_split": split | {"data": []}}, "there is no row"),
        "rows of unequal length": ({"dataframe_split": split | {"data": [[1, 2]]}}, "columns"),
        "a column twice": (
            {"dataframe_split": {"columns": [*good, "nlr"], "data": [[*good.values(), 3.0]]}},
            "nlr",
        ),
        "a bare list": ([good], "list"),
        "a row without a format": (good, "dataframe_records"),
        "two formats": ({"dataframe_records": [good], "dataframe_split": split}, "dataframe_split"),
        "records that are no list": ({"dataframe_records": good}, "list"),
        "no JSON": ("{", "JSON"),
        "nothing at all": ("", "JSON"),
        "a horizon of zero": (asked(months=[0.0]), "above 0"),
        "a horizon below zero": (asked(months=[-6.0]), "Got -6 instead"),
        "a horizon past follow-up": (asked(months=[12.0, 600.0]), "the longest follow-up"),
        "a horizon that is no number": (asked(months=[math.nan]), "Got nan instead"),
        "the same horizon twice": (asked(months=[6.0, 6.0]), "6 is asked for more than once"),
        "no horizon": (asked(months=[]), "Got 0 instead"),
        "a horizon in words": (asked(months=["a year"]), "months"),
        "a thousand horizons": (asked(months=[1 + k / 100 for k in range(1000)]), "Got 1000 instead"),
        "params that are a list": ({"dataframe_records": [good], "params": [6]}, "dictionary"),
        "explain that is a word": (asked(explain="please"), "explain"),
    }
    of_some_cohorts = {
        "smoking": ("a level never seen", "pipe", "one of"),
        "ecog_ps": ("a performance status of 9", 9, "from 0 to 4"),
        "metastatic_sites": ("half a metastatic site less than none", -0.5, "from 0 to"),
        "albumin_g_per_dl": ("albumin in g/L", 38, "from"),
    }
    for column, (kind, value, reason) in of_some_cohorts.items():
        if column in good:
            kinds[kind] = (row(**{column: value}), f"row 2: {column} must be {reason}")
    return kinds


def a_run(folder: Path) -> Path:
    """Run a small experiment in `folder` with the store that is MLflow's default there; return its folder."""
    (folder / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT), encoding="utf-8")
    command = [sys.executable, "-m", "experiments.cli", "run", "experiment.yaml", "--out", "run",
               "--no-report", "--quiet"]  # fmt: skip
    subprocess.run(command, cwd=folder, env=_environment(), check=True, stdout=subprocess.DEVNULL)
    return folder / "run"


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[1])
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    # MLflow starts its server by name, so the environment's programs must be found, as when it is active.
    programs = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    return environment | {
        "PATH": programs,
        "PYTHONPATH": root,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


@contextmanager
def served(folder: Path, name: str, log: Path) -> Iterator[str]:
    """Yield the address of the champion, served by the very line that README gives."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{name}@champion",
               "--env-manager", "local", "--port", str(port)]  # fmt: skip
    with log.open("wb") as said:
        server = subprocess.Popen(command, cwd=folder, env=_environment(), stdout=said, stderr=said,
                                  start_new_session=True)  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/ping", server, log)
            yield address
        finally:
            # The command is a shell's parent; its group is ours alone.
            with suppress(ProcessLookupError):  # a server that never came up has gone by itself
                os.killpg(server.pid, 15)
            server.wait(timeout=30)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not answer:\n{log.read_text(errors='replace')[-2000:]}")


def ask(address: str, body: Body) -> Answer:
    """Return status and content of the answer to one request."""
    text = body if isinstance(body, str) else json.dumps(body)
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{address}/invocations", text.encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def fresh_patients(run: Path, n: int) -> pd.DataFrame:
    """Return patients whom the run has not seen, with the columns a model asks for."""
    from experiments.cohorts import resolve_simulated
    from pipeline.artifacts import load_run

    cohort = resolve_simulated("keynote_189", n).cohort(np.random.default_rng(99))
    wanted = list(load_run(run).table("typical_patients"))
    return cohort.observed[wanted].reset_index(drop=True)


def largest_difference(address: str, run: Path, model: str, frame: pd.DataFrame) -> float:
    """Return the largest difference between served survival and that of the model in this process."""
    from pipeline.artifacts import load_run
    from pipeline.models import load_model

    status, answer = ask(address, {"dataframe_split": _split(frame), "params": {"months": MONTHS}})
    if status != 200:
        raise RuntimeError(f"{status}: {answer}")
    got = pd.DataFrame(answer["predictions"])[[f"survival_{m:g}_months" for m in MONTHS]].to_numpy()
    here = load_model(load_run(run).models()[model]).predict(frame, np.sort(MONTHS))
    wanted = np.column_stack([here.at(m) for m in MONTHS])
    return float(np.abs(got - wanted).max())


def _split(frame: pd.DataFrame) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(frame.to_json(orient="split", double_precision=15))
    return content


def latencies(address: str, body: Body, times: int) -> np.ndarray:
    """Return the seconds of one request after another, three for warming up left out."""
    took = []
    for _ in range(times + 3):
        start = time.perf_counter()
        status, answer = ask(address, body)
        took.append(time.perf_counter() - start)
        if status != 200:
            raise RuntimeError(f"{status}: {answer}")
    return np.array(took[3:])


def main() -> None:
    """Make a run, serve its champion, ask, and print what came back."""
    console = Console(width=140)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run = a_run(folder)
        name = f"lungio-{NAME}-os"
        start = time.perf_counter()
        with served(folder, name, folder / "server.log") as address:
            console.print(f"`mlflow models serve -m models:/{name}@champion` answers after "
                          f"{time.perf_counter() - start:.1f} s")  # fmt: skip
            model = _champion_model(folder, name)
            frame = fresh_patients(run, ROWS)
            difference = largest_difference(address, run, model, frame)
            verdict = "within" if difference <= TOLERANCE else "ABOVE"
            console.print(f"{ROWS} rows of {model}: largest difference to the model in process "
                          f"{difference:.1e}, {verdict} {TOLERANCE:g}")  # fmt: skip
            good = json.loads(frame.dropna().head(1).to_json(orient="records"))[0]
            one = {"dataframe_records": [good], "params": {"months": [6.0, 12.0]}}
            explained = {**one, "params": {"months": [6.0, 12.0], "explain": True}}
            times = Table("one row", "median (ms)", "p95 (ms)", "requests")
            for what, body in (("survival", one), ("survival and SHAP", explained)):
                took = latencies(address, body, TIMED) * 1000
                times.add_row(what, f"{np.median(took):.1f}", f"{np.quantile(took, 0.95):.1f}", f"{TIMED}")
            console.print(times)
            table = Table("bad row", "code", "reason given")
            wrong, kinds = 0, bad_bodies(good)
            for kind, (body, reason) in kinds.items():
                status, answer = ask(address, body)
                said = re.sub(PREFIX, "", str(answer.get("message", answer)), flags=re.DOTALL)
                wrong += status != 400 or reason not in str(answer)
                table.add_row(kind, str(status), " ".join(said.split())[:96])
            console.print(table)
            console.print(f"{len(kinds)} kinds of bad row, {wrong} not answered by 400 with the reason")


def _champion_model(folder: Path, name: str) -> str:
    from pipeline.tracking.client import quiet_mlflow
    from pipeline.tracking.store import resolve_store

    uri = resolve_store(str(folder / "mlflow.db"))
    with quiet_mlflow(uri) as mlflow:
        version = mlflow.MlflowClient(tracking_uri=uri).get_model_version_by_alias(name, "champion")
        return str(version.tags["model"])


if __name__ == "__main__":
    main()
