"""Execute the six examples and write each as a page and a notebook: ``python -m docs.examples OUT``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
EXAMPLES = ("first_run", "own_csv", "predictive_marker", "planning", "dynamic_prediction", "mrd_policy")


def make_example(name: str, out: Path) -> Path:
    """Execute one example in a folder of its own and return its page in `out`."""
    import nbformat

    from pipeline.artifacts import replace_file
    from pipeline.report import as_page, execute

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lungio-example-") as folder:
        executed = execute(HERE / f"{name}.py", Path(folder))
    title = executed.cells[0].source.splitlines()[0].removeprefix("# ")
    replace_file(out / f"{name}.ipynb", nbformat.writes(executed).encode())
    replace_file(out / f"{name}.html", as_page(executed, title, code=True).encode())
    return out / f"{name}.html"


def main(words: list[str]) -> None:
    """Make every example named, or all, in the folder that comes first."""
    out, names = Path(words[0] if words else "gallery"), words[1:] or list(EXAMPLES)
    unknown = sorted(set(names) - set(EXAMPLES))
    if unknown:
        sys.exit(f"no example called {', '.join(unknown)}; there are {', '.join(EXAMPLES)}")
    for name in names:
        started = time.perf_counter()
        page = make_example(name, out)
        print(f"{page}  {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
