"""What a store's failure means, in one sentence; what is no store's failure is left alone."""

from __future__ import annotations

import sqlite3

import pytest

from pipeline.schema import InputError
from pipeline.tracking.refusals import StoreError, refusal


class Answer(Exception):
    """As MLflow raises them."""

    def __init__(self, code: str, said: str = "as it says") -> None:
        super().__init__(said)
        self.error_code = code


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (sqlite3.OperationalError("database is locked"), "another program keeps it locked"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "no permission to write"),
        (sqlite3.DatabaseError("database disk image is malformed"), "the database is damaged"),
        (Answer("INTERNAL_ERROR", "Detected out-of-date database schema (found version x)"), "older MLflow"),
        (Answer("INTERNAL_ERROR", "Connection refused\nand a stack"), "no server answers there"),
        (Answer("PERMISSION_DENIED", "not for you\nat all"), "not for you"),
        (OSError(28, "No space left on device", "mlruns/x"), "cannot write mlruns/x: the disk is full"),
    ],
)
def test_a_stores_failure_is_one_sentence(error: Exception, said: str) -> None:
    found = refusal(error)
    assert found is not None
    assert found.startswith(said) or said in found
    assert "\n" not in found


@pytest.mark.parametrize(
    "error", [ValueError("database is locked"), Answer("INVALID_PARAMETER_VALUE"), ZeroDivisionError()]
)
def test_an_error_of_ours_stays_one(error: Exception) -> None:
    assert refusal(error) is None


def test_a_store_that_failed_has_an_exit_code_of_its_own() -> None:
    assert issubclass(StoreError, InputError)
    assert StoreError.exit_code == 5
