"""MLflow's own scoring server around one filed model, in this process and without a socket."""

from __future__ import annotations

import asyncio
import json
import traceback
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What the server answers; of an error that nobody caught, the module where it arose."""

    status_code: int
    text: str
    raised_in: str = ""

    def json(self) -> Any:
        """Return the text as what it says."""
        return json.loads(self.text)


class ScoringApp:
    """The application that `mlflow models serve` runs, around the one model of that name in an experiment."""

    def __init__(self, uri: str, model: str, experiment: str) -> None:
        import mlflow
        from mlflow.pyfunc import scoring_server

        mlflow.set_tracking_uri(uri)
        try:
            client = mlflow.MlflowClient(tracking_uri=uri)
            filed = client.get_experiment_by_name(experiment)
            (found,) = [m for m in client.search_logged_models([filed.experiment_id]) if m.name == model]
            loaded = mlflow.pyfunc.load_model(found.model_uri)
        finally:
            mlflow.set_tracking_uri(None)
        self.app = scoring_server.init(loaded)

    def ask(self, body: Any, content: str = "application/json") -> Answer:
        """Answer one request; `body` is text, bytes, or what is to be written as JSON."""
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        sent = text.encode() if isinstance(text, str) else text
        return asyncio.run(self._ask(sent, content))

    async def _ask(self, sent: bytes, content: str) -> Answer:
        """One request as uvicorn hands it to the application."""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "path": "/invocations", "raw_path": b"/invocations", "query_string": b"",
            "root_path": "", "headers": [(b"content-type", content.encode("latin-1", errors="replace"))],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        messages: list[Any] = []
        given = iter([{"type": "http.request", "body": sent, "more_body": False}])

        async def receive() -> Any:
            return next(given, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            messages.append(message)

        try:
            await self.app(scope, receive, send)
        except Exception as error:  # what uvicorn answers with code 500
            places = [f.f_globals.get("__name__", "") for f, _ in traceback.walk_tb(error.__traceback__)]
            return Answer(500, repr(error), places[-1])
        content_sent = b"".join(m.get("body", b"") for m in messages[1:])
        return Answer(messages[0]["status"], content_sent.decode())
