"""What a store's failure means to a user: one sentence, and what can be done."""

from __future__ import annotations

from typing import Final

from pipeline.artifacts.folders import plain_os_error
from pipeline.schema import InputError
from pipeline.tracking.store import plain_uri

REASON_LETTERS: Final = 300
# What MLflow answers when the store, not what is asked of it, is at fault.
REFUSALS: Final = (
    "TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "PERMISSION_DENIED", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED",
    "BAD_REQUEST", "ENDPOINT_NOT_FOUND", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED",
)  # fmt: skip
REMEDIES: Final = {
    "database is locked": "another program keeps it locked; end that, or wait, and file again",
    "disk is full": "the disk is full; free some space and file again",
    "readonly database": "no permission to write there; choose another --tracking-uri",
    "disk image is malformed": "the database is damaged; restore it, or choose another --tracking-uri",
    "out-of-date database schema": "it is of an older MLflow; `mlflow db upgrade` brings it up to date",
    "Connection refused": "no server answers there; start it and file again",
    "Max retries exceeded": "no server answers there; start it and file again",
    "Name or service not known": "there is no such host; give another --tracking-uri",
}


class StoreError(InputError):
    """A store that does not answer, is locked or full, or refuses us; what was computed is on disk."""

    exit_code = 5


def refusal(error: Exception) -> str | None:
    """Say in one line why a store did not do its part; None when it was not the store."""
    said = str(error).strip().splitlines()[0][:REASON_LETTERS] if str(error).strip() else type(error).__name__
    code = getattr(error, "error_code", None)
    if isinstance(error, OSError) and error.errno is not None:
        return plain_os_error(error)
    origin = type(error).__module__.partition(".")[0]
    if code in REFUSALS or (code is None and origin in ("sqlalchemy", "sqlite3", "requests", "urllib3")):
        for sign, remedy in REMEDIES.items():
            if sign in str(error):
                return remedy
        return plain_uri(said)
    return None
