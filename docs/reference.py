"""Write the reference of the Python interface from its docstrings: ``python -m docs.reference OUT``."""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGES = ("pipeline", "synthetic_data", "experiments")
LEFT_OUT = ("!pipeline.tracking.survival_pyfunc",)  # names itself to MLflow when it is imported


def write_reference(out: Path) -> Path:
    """Write one page a public module into `out` and return the first page."""
    import pdoc

    pdoc.render.configure(docformat="numpy", search=True, show_source=False)
    pdoc.pdoc(*PACKAGES, *LEFT_OUT, output_directory=out)
    return out / "index.html"


if __name__ == "__main__":
    print(write_reference(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/api")))
