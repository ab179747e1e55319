"""Write the reference of the Python interface from its docstrings: ``python -m docs.reference OUT``."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "synthetic_data", "experiments")
LEFT_OUT = ("pipeline.tracking.survival_pyfunc",)  # names itself to MLflow when it is imported


def modules() -> list[str]:
    """Return every module of the three packages; a package that hands on names would hide its own."""
    files = [path.relative_to(ROOT) for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    dotted = [".".join(f.with_suffix("").parts).removesuffix(".__init__") for f in files]
    scripts = "experiments.notebooks"  # percent scripts, which compute when they are imported
    return [name for name in dotted if name not in LEFT_OUT and not name.startswith(scripts)]


def write_reference(out: Path) -> Path:
    """Write one page a module into `out` and return the first page."""
    import pdoc

    pdoc.render.configure(docformat="numpy", search=True, show_source=False)
    pdoc.pdoc(*modules(), output_directory=out)
    return out / "index.html"


if __name__ == "__main__":
    print(write_reference(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/api")))
