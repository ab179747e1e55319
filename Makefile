# Two commands set up everything on a new machine: `make run` and `make test`.
# Each target says what it does before it does it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
CONFIG ?= configs/experiments/keynote_189.yaml
# One thread a numeric library: lungio parallelises over trees, folds and tests itself.
export OMP_NUM_THREADS := 1

.PHONY: help run test check bench gallery docs ui lock clean

help:
	@echo "make run    simulate KEYNOTE-189, train, explain, track and report (CONFIG=... for another)"
	@echo "make test   style, types, import rules and all tests"
	@echo "make check  style, types and import rules only"
	@echo "make bench  speed and memory beside peers"
	@echo "make gallery  six executed examples as pages and notebooks, in gallery/"
	@echo "make docs   the reference of the Python interface, in docs/api/"
	@echo "make ui     compare runs in the MLflow pages, on this machine only"

$(READY): constraints.txt pyproject.toml
	@echo "==> installing lungio and its pinned dependencies into $(VENV) (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "==> compiling the forest, its explanations and the metrics (about 20 seconds, once)"
	@$(BIN)/python -m experiments.first_compile
	@touch $@

run: $(READY)
	@echo "==> lungio run $(CONFIG)"
	@$(BIN)/lungio run $(CONFIG)

check: $(READY)
	@echo "==> ruff, mypy --strict, import rules"
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: check
	@echo "==> pytest on two workers"
	@$(BIN)/pytest -n 2 -q

bench: $(READY)
	@echo "==> benchmarks beside peers"
	@$(BIN)/python -m benchmarks

gallery: $(READY)
	@echo "==> six examples, executed (about four minutes)"
	@$(BIN)/python -m docs.examples gallery

docs: $(READY)
	@echo "==> reference of the Python interface from its docstrings, in docs/api/"
	@$(BIN)/python -m docs.reference docs/api

ui: $(READY)
	@echo "==> MLflow on 127.0.0.1"
	@$(BIN)/lungio ui

lock: $(READY)
	@echo "==> resolving pyproject.toml into constraints.txt"
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --extra dev --generate-hashes \
		--no-annotate --custom-compile-command "make lock" pyproject.toml -o constraints.txt

clean:
	@echo "==> removing the virtual environment and caches (runs are kept)"
	@rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
