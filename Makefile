# Every command of the README and of CI. ARGS=... passes through.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench drill-kill drill-outage drill-soak lock dashboards clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# Most tests wait for a server more than they compute: three at a time keep two cores busy.
JOBS ?= 3

help:
	@echo "make demo       a simulated city, live; ARGS=--once plays the script and prints the scoreboard"
	@echo "make test       all tests, with real servers where they are installed; JOBS=3 at a time"
	@echo "make check      ruff, mypy --strict, import-linter, documentation"
	@echo "make bench      every benchmark, with ARGS (--quick, --json)"
	@echo "make drill-kill kill -9 of the pipeline under load, at 200 seeded instants and every named point"
	@echo "make drill-outage broker, InfluxDB and webhook endpoint away, refused and in lost packets, under load"
	@echo "make drill-soak an hour of steady load: memory, file handles and journal must not grow"
	@echo "make dashboards write grafana/dashboards from the code"
	@echo "make lock       write requirements.lock anew (needs uv)"
	@echo "make clean      remove what the others made, the environment too"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "citypatrol needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	$(BIN)/citypatrol demo $(ARGS)

# Byte code is kept even where the environment forbids it: the tests start hundreds of processes.
test: export PYTHONDONTWRITEBYTECODE =
test: setup
	$(BIN)/python -m bench.servers.system_parts
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --cov --cov-report= $(ARGS)
	$(BIN)/python -m coverage report --include='citypatrol/*,rules/*,tickets/*' --skip-covered --fail-under=95

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m bench.docs

bench: setup
	$(BIN)/python -m bench $(ARGS)

drill-kill: setup
	$(BIN)/python -m bench.drill_kill $(ARGS)

drill-outage: setup
	$(BIN)/python -m bench.drill_outage $(ARGS)

drill-soak: setup
	$(BIN)/python -m bench.drill_soak $(ARGS)

dashboards: setup
	$(BIN)/python -m grafana.wall

lock:
	uv pip compile pyproject.toml --extra cluster --extra demo --group dev --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* htmlcov dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
