"""MLflow stores that are locked, damaged or gone, and runs that somebody else may have made."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .scene import Outcome, Scene, fault

GROUP = "MLflow stores"
RUNS = "Runs from elsewhere"


def client_of(file: Path) -> Any:
    import mlflow

    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{file}")


@fault(GROUP, "the store is a text file")
def no_database(scene: Scene) -> Outcome:
    scene.file("mlflow.db", "this is no database, whatever its name says")
    return scene.lungio("run", scene.experiment())


@fault(GROUP, "the store's folder does not exist")
def no_folder(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.experiment(), "--tracking-uri", "none/mlflow.db")


@fault(GROUP, "a URI that MLflow cannot write to")
def wrong_kind(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.experiment(), "--tracking-uri", "ftp://host/x")


@fault(GROUP, "another program keeps the store locked")
def locked(scene: Scene) -> Outcome:
    scene.finished_run()
    file = scene.here / scene.filed()
    scene.patch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    with sqlite3.connect(file) as other:
        other.execute("begin exclusive")
        outcome = scene.lungio("push", "run")
        other.rollback()
    return replace(outcome, then=pushed_later(scene))


@fault(GROUP, "pages of the store are overwritten")
def damaged(scene: Scene) -> Outcome:
    scene.finished_run()
    file = scene.here / scene.filed()
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    return scene.lungio("push", "run")


@fault(GROUP, "the store is of another version of MLflow")
def other_version(scene: Scene) -> Outcome:
    scene.finished_run()
    with sqlite3.connect(scene.here / scene.filed()) as store:
        store.execute("update alembic_version set version_num = '451aebb31d03'")
    return scene.lungio("push", "run")


@fault(GROUP, "a file stands where the store keeps its files")
def no_place_for_files(scene: Scene) -> Outcome:
    scene.finished_run()
    scene.filed()
    scene.file("mlruns", "")
    return scene.lungio("push", "run")


@fault(GROUP, "the disk is full while the store is written")
def full(scene: Scene) -> Outcome:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    scene.finished_run()
    scene.filed()
    scene.refuse(SqlAlchemyStore, "log_batch", sqlite3.OperationalError("database or disk is full"))
    outcome = scene.lungio("push", "run")
    scene.patch.undo()
    scene.patch.chdir(scene.here)
    return replace(outcome, then=pushed_later(scene))


@fault(GROUP, "no tracking server answers")
def no_server(scene: Scene) -> Outcome:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return with_port(
        port, scene.lungio("run", scene.experiment(), "--tracking-uri", f"http://127.0.0.1:{port}")
    )


@fault(GROUP, "the tracking server is gone in the middle of a run")
def server_gone(scene: Scene) -> Outcome:
    scene.patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    scene.patch.setattr("pipeline.artifacts.gallery.draw_gallery", lambda _, __, place, *___: place.mkdir())
    with vanishing_server(answers=3) as port:
        words = ("run", scene.experiment(), "--out", "one", "--no-report", "-q")
        outcome = scene.lungio(*words, "--tracking-uri", f"http://127.0.0.1:{port}")
    scene.filed()
    assert scene.again("push", "one").code == 0
    assert {r.info.status for r in all_runs(scene.here / "mlflow.db")} == {"FINISHED"}
    assert json.loads((scene.here / "one" / "run.json").read_text())["outstanding"] == []
    then = "`lungio push one` files it in any store"
    return with_port(port, replace(outcome, then=then))


@fault(GROUP, "a run is filed a second time")
def twice(scene: Scene) -> Outcome:
    run = scene.finished_run()
    facts = json.loads((run / "run.json").read_text()) | {"identity": "f" * 32}
    (run / "run.json").write_text(json.dumps(facts))
    scene.filed()
    assert scene.again("push", "run").code == 0
    first = len(all_runs(scene.here / "mlflow.db"))
    outcome = scene.lungio("push", "run")
    assert len(all_runs(scene.here / "mlflow.db")) == first
    return replace(outcome, said="", then="it is not filed again: the run found is named")


@fault(GROUP, "the port of the pages is taken")
def port_taken(scene: Scene) -> Outcome:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        return with_port(port, scene.lungio("ui", "--port", port))


@fault(RUNS, "a run.json cut short")
def torn(scene: Scene) -> Outcome:
    run = scene.finished_run()
    (run / "run.json").write_text((run / "run.json").read_text()[:500])
    scene.finished_run("other")
    return scene.lungio("compare", "run", "other")


@fault(RUNS, "a run.json of a hundred thousand brackets")
def deep(scene: Scene) -> Outcome:
    run = scene.finished_run()
    (run / "run.json").write_text("[" * 100_000)
    return scene.lungio("report", "run")


@fault(RUNS, "a table cut short")
def torn_table(scene: Scene) -> Outcome:
    run = scene.finished_run()
    table = run / "tables" / "scores.parquet"
    table.write_bytes(table.read_bytes()[:1000])
    scene.finished_run("other")
    return scene.lungio("compare", "run", "other")


@fault(RUNS, "a folder that is no run's")
def no_run(scene: Scene) -> Outcome:
    (scene.here / "folder").mkdir()
    return scene.lungio("push", "folder")


@fault(RUNS, "the folder is gone")
def gone(scene: Scene) -> Outcome:
    return scene.lungio("push", "none")


def all_runs(file: Path) -> list[Any]:
    client = client_of(file)
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def pushed_later(scene: Scene) -> str:
    """File the run once the store is well again; say so."""
    shutil.rmtree(scene.here / "mlruns", ignore_errors=True)
    again = scene.again("push", "run")
    assert again.code == 0, again.said
    parents = [r for r in all_runs(scene.here / "mlflow.db") if "mlflow.parentRunId" not in r.data.tags]
    assert [r.info.status for r in parents if r.info.status != "FAILED"] == ["FINISHED"]
    return "the same command files it once the store is well"


def with_port(port: int, outcome: Outcome) -> Outcome:
    """Return the outcome without the number of a port that changes."""

    def shown(text: str) -> str:
        return text.replace(str(port + 1), "PORT + 1").replace(str(port), "PORT")

    return replace(outcome, command=shown(outcome.command), said=shown(outcome.said))


@contextmanager
def vanishing_server(answers: int) -> Iterator[int]:
    """Yield the port of a tracking server that answers so many requests and then is gone."""
    run = {"info": {"run_id": "r", "experiment_id": "1", "status": "RUNNING", "artifact_uri": "file:///none"}}
    experiment = {
        "experiment_id": "1",
        "name": "lungio",
        "lifecycle_stage": "active",
        "artifact_location": "x",
    }
    said = {"get-by-name": {"experiment": experiment}, "runs/search": {}, "runs/create": {"run": run}}
    seen: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            seen.append(self.path)
            known = next((v for k, v in said.items() if k in self.path), None)
            if len(seen) > answers or known is None:
                self.connection.close()
                threading.Thread(target=server.server_close, daemon=True).start()
                return
            body = json.dumps(known).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert len(seen) > answers, seen
