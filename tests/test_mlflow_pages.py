"""MLflow's pages of a filed run in a real browser: whole, no error on the console, no other host asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.browser import chromium, missing_browser
from benchmarks.mlflow_pages import Page, Seen, look, pages_of, served
from pipeline.artifacts import load_run
from pipeline.tracking import crown, track_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_browser()), reason=missing_browser() or "there is a browser"),
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"
    ),  # of selenium, about sockets it leaves to the end; of MLflow, about itself
]


@pytest.fixture(scope="module")
def store(small_run: Path, empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with the small run filed and its best model registered."""
    file = tmp_path_factory.mktemp("pages") / "mlflow.db"
    shutil.copy(empty_store, file)
    uri, view = f"sqlite:///{file}", load_run(small_run)
    run_id = track_run(view, uri, "pages")
    crown(view, run_id, uri, None, np.random.default_rng(0))
    return uri


@pytest.fixture(scope="module")
def seen(store: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Seen]]:
    with served(store) as address, chromium() as driver:
        found = look(driver, address, pages_of(store), tmp_path_factory.mktemp("shots"))
        return address, {one.page.name: one for one in found}


def test_the_look_sees_words_that_never_come_and_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.mlflow_pages.PAGE_SECONDS", 0.5)
    said = ("a fault", "ResizeObserver loop completed with undelivered notifications.")
    script = "; ".join(f"console.error('{words}')" for words in said)
    (tmp_path / "page.html").write_text(f"<title>x</title>there<script>{script}</script>")
    with chromium() as driver:
        (one,) = look(
            driver, tmp_path.as_uri(), [Page("page", "page.html", ("there", "not there"))], tmp_path
        )
    assert one.missing == ("not there",)
    (error,) = one.errors
    assert "a fault" in error


def test_lists_comparison_chart_and_model_open_whole_and_in_silence(
    seen: tuple[str, dict[str, Seen]],
) -> None:
    address, pages = seen
    assert set(pages) == {"experiments", "runs", "comparison", "metric", "run", "model"}
    for name, page in pages.items():
        assert page.missing == (), name
        assert page.errors == (), name
        assert page.hosts == (address.removeprefix("http://"),), name
        assert page.picture.read_bytes().startswith(b"\x89PNG")


def test_every_model_of_the_run_stands_in_the_comparison(seen: tuple[str, dict[str, Seen]]) -> None:
    assert {"cox", "rsf", "pdl1", "oracle"} <= set(seen[1]["comparison"].page.words)
