"""From a run folder to an executed notebook and one HTML file that asks no host for anything."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, Final

from pipeline.artifacts import load_run, replace_file
from pipeline.schema import InputError, Progress, silent

HERE: Final = Path(__file__).parent
CELL_SECONDS: Final = 120
SOCKET_PATH_LETTERS: Final = 80  # the system allows about 100 in all
PAGE, NOTEBOOK = "report.html", "report.ipynb"


def make_report(folder: Path, notebook: Path, progress: Progress = silent) -> Path:
    """Execute `notebook` on the run in `folder`, write ``report.ipynb`` and ``report.html`` there.

    Of a run, not of a study, checklists and model card are written beside them as Markdown.

    The notebook is a percent script. It runs in a fresh process of this very interpreter, with the run
    folder as working directory, reads the folder and fits nothing.

    Parameters
    ----------
    folder : Path
        A run folder.
    notebook : Path
        Percent script with the report's cells.
    progress : Progress, optional

    Returns
    -------
    Path
        The HTML file.
    """
    import nbformat

    from pipeline.report.standards import markdown_documents

    view = load_run(folder)
    executed = execute(notebook, folder.resolve(), progress)
    page = as_page(executed, title=str(view.facts.get("title") or view.facts["name"]))
    replace_file(folder / NOTEBOOK, nbformat.writes(executed).encode())
    replace_file(folder / PAGE, page.encode())
    for name, content in markdown_documents(view).items():
        replace_file(folder / name, content.encode())
    return folder / PAGE


def report_files(folder: Path) -> list[Path]:
    """Return the files of a report that lie in `folder`: page, notebook, checklists and model card."""
    from pipeline.report.standards import STANDARDS, standard

    names = [PAGE, NOTEBOOK, *(standard(name).file for name in STANDARDS)]
    return [folder / name for name in names if (folder / name).is_file()]


def blank_notebook(script: Path) -> str:
    """Return a percent script as the text of a notebook that has not been executed."""
    import nbformat

    return str(nbformat.writes(_as_notebook(script)))


def execute(notebook: Path, folder: Path, progress: Progress = silent) -> Any:
    """Return `notebook` executed in `folder`; an error in a cell is raised with the cell's traceback.

    Raises
    ------
    InputError
        When a cell found what it reads unfit.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    nb = _as_notebook(notebook)
    cells = len(nb.cells)
    with _kernel_manager() as manager, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pyzmq and asyncio, about event loops
        client = NotebookClient(
            nb,
            km=manager,
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
            on_cell_complete=lambda cell, cell_index: progress("write the report", cell_index, cells),
        )
        try:
            # A cell's error comes back over the wire; what the kernel says of itself is not for the user.
            client.execute(stderr=subprocess.DEVNULL)
        except CellExecutionError as error:
            if error.ename == InputError.__name__:  # what the user gave is at fault, not the notebook
                raise InputError(error.evalue) from None
            raise
        finally:
            if client.kc is not None:  # the kernel is ours, so nbclient leaves its sockets open
                client.kc.stop_channels()
    progress("write the report", cells, cells)
    return nb


def _as_notebook(script: Path) -> Any:
    import jupytext

    nb = jupytext.read(script)
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb.metadata.pop("jupytext", None)
    for number, cell in enumerate(nb.cells):
        cell["id"] = f"cell-{number}"  # chance identifiers would make equal runs differ
    return nb


@contextmanager
def _kernel_manager() -> Iterator[Any]:
    """Yield a manager whose kernel is this interpreter, whatever kernels the user has installed."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import KernelManager

    spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
    )

    class ThisInterpreter(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return spec

    root = str(HERE.parents[1])
    with tempfile.TemporaryDirectory(prefix="lungio-kernel-", ignore_cleanup_errors=True) as scratch:
        # The user's own start-up files and histories stay out of it, and nothing is written to the home.
        spec.env = {
            "IPYTHONDIR": scratch,
            "JUPYTER_RUNTIME_DIR": scratch,
            "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
            "PYTHONWARNINGS": "ignore",
        }
        manager = KernelManager(
            kernel_name="python3",
            kernel_spec_manager=ThisInterpreter(),
            connection_file=str(Path(scratch) / "kernel.json"),
            # Sockets in the scratch folder: nobody else on the machine can listen in.
            transport="ipc" if os.name == "posix" and len(scratch) < SOCKET_PATH_LETTERS else "tcp",
        )
        try:
            yield manager
        finally:
            if manager.has_kernel:
                manager.shutdown_kernel(now=True)


def as_page(executed: Any, title: str, *, code: bool = False) -> str:
    """Return an executed notebook as one HTML page: prose, outputs and, where asked for, code; no address."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape
    from nbconvert.filters import markdown2html

    parts: list[str] = []
    contents: list[tuple[str, str]] = []
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            html = _with_anchors(markdown2html(cell.source), contents)
            parts.append(f'<div class="prose">{html}</div>')
        elif cell.cell_type == "code":
            shown = [html for output in cell.outputs if (html := _output(output))]
            if code:
                parts.append(f"<pre>{escape(cell.source)}</pre>")
            elif not shown and cell.outputs and parts:  # a section without content goes, heading and all
                parts.pop()
                contents.pop()
            parts += shown
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape(["html.j2"]))
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("style.css", "page.js"))
    # The page's policy lets this very script run and nothing else, whatever a title or a label may hold.
    script_hash = f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
    return environment.get_template("page.html.j2").render(
        title=title, style=style, script=script, script_hash=script_hash, parts=parts, contents=contents
    )


def _with_anchors(html: str, contents: list[tuple[str, str]]) -> str:
    """Give each second-level heading a plain anchor and note it in `contents`."""

    def anchored(match: re.Match[str]) -> str:
        words = re.sub(r"<a class=\"anchor-link\".*?</a>|<[^>]+>", "", match[1], flags=re.DOTALL).strip()
        anchor = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
        contents.append((anchor, words))
        return f'<h2 id="{anchor}">{words}</h2>'

    return re.sub(r"<h2[^>]*>(.*?)</h2>", anchored, html, flags=re.DOTALL)


def _output(output: Any) -> str:
    data = output.get("data", {})
    if "text/html" in data:
        return str(data["text/html"])
    if "image/png" in data:
        return f'<figure><img alt="" src="data:image/png;base64,{data["image/png"].strip()}"></figure>'
    said = data.get("text/plain") or (output.get("text") if output.output_type == "stream" else None)
    return f"<pre>{escape(said)}</pre>" if said else ""
