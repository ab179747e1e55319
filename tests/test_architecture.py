"""The inventory of ARCHITECTURE.md is the tree, and every module says in one sentence what it owns."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "synthetic_data", "experiments")
LONGEST_MODULE = 320


def modules() -> list[Path]:
    found = [p for package in PACKAGES for p in (ROOT / package).rglob("*.py")]
    return sorted(p for p in found if "__pycache__" not in p.parts and p.parent.name != "notebooks")


def sentence(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, f"{path} has no docstring"
    return docstring.splitlines()[0]


def inventory() -> list[str]:
    """The lines ARCHITECTURE.md must hold: a folder by its own sentence, its modules below."""
    lines = []
    for path in modules():
        name = path.relative_to(ROOT).as_posix().removesuffix("__init__.py")
        lines.append(f"* `{name}` {sentence(path)}")
    return sorted(lines)


def test_the_inventory_lists_every_module_with_its_own_sentence() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    written = re.findall(rf"^\* `(?:{'|'.join(PACKAGES)})/.*$", text, flags=re.MULTILINE)
    wanted = inventory()
    missing, stale = sorted(set(wanted) - set(written)), sorted(set(written) - set(wanted))
    assert not missing, "not in ARCHITECTURE.md:\n" + "\n".join(missing)
    assert not stale, "no longer true in ARCHITECTURE.md:\n" + "\n".join(stale)


def test_modules_are_short_enough_to_read() -> None:
    lengths = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in modules()}
    long = {name: n for name, n in lengths.items() if n > LONGEST_MODULE}
    assert not long, f"modules that ask to be split: {long}"
