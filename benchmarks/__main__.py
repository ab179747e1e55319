"""Run every benchmark of the folder, or those named on the command line, and print their tables.

What follows the first word that begins with ``--`` is handed on: ``python -m benchmarks fuzz --minutes 10``.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main(words: list[str]) -> None:
    """Run the modules called ``bench_*``; each has a `main` that prints one table."""
    first = next((k for k, word in enumerate(words) if word.startswith("--")), len(words))
    wanted, sys.argv[1:] = words[:first], words[first:]
    names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name.startswith("bench_")]
    unknown = sorted(set(wanted) - {n.removeprefix("bench_") for n in names})
    if unknown:
        known = ", ".join(n.removeprefix("bench_") for n in names)
        sys.exit(f"no benchmark called {', '.join(unknown)}; there are {known}")
    for name in names:
        if not wanted or name.removeprefix("bench_") in wanted:
            print(f"==> {name.removeprefix('bench_')}", flush=True)
            importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
