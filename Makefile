# Everything a person runs. Each target sets up what it needs by itself; only Python 3.11+ and make are needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := demo

# Hundreds of processes load the same modules: compiled once, not by each of them.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test thorough check wheel bench docs clean

help:            ## list the targets
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(VENV)/.dev  ## make .venv with everything to work on the project

demo: $(VENV)/.demo  ## fit and judge a detector on real solar-cell pictures; write a report
	$(BIN)/defectory demo -o $(DEMO) --overwrite

# Three processes on two cores: tests wait for servers and browsers, too. A file is one process's, for its fixtures.
# A test that hangs ends its process, see pyproject.toml: begun again, it would hang in the next.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

test: $(VENV)/.dev   ## run the tests
	$(PYTEST)

thorough: $(VENV)/.dev  ## run the tests, with all kills, all damaged bundles and the slowest
	$(PYTEST) --thorough

check: $(VENV)/.dev  ## lint, format, types, layers, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

wheel: $(VENV)/bin/python  ## build the wheel and use it with the lowest declared versions and with the newest
	.ci/wheel

bench: $(VENV)/.dev  ## run every benchmark, then write docs/results.md (many hours; each run that is done is kept)
	$(BIN)/python -m benchmarks all
	$(BIN)/python -m benchmarks tables

docs: $(VENV)/.dev   ## build the site: docs/_build/index.html (a warning is an error)
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build

clean:           ## remove what the targets made
	rm -rf $(VENV) $(DEMO) docs/_build

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Modules are compiled when they are first imported: most never are, and to compile all takes half a minute.
$(VENV)/.demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.demo
