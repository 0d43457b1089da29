# make demo and make test need nothing but Python (3.11 or newer) and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A file of tests stays in one process: its nights are made once.
PARALLEL ?= -n auto --dist loadfile

.PHONY: help demo test check night lint format bench nights science docs completions clean

help:
	@echo "make demo    simulate a night, reduce it, print results beside the truth"
	@echo "make test    everything: make check, then whole nights"
	@echo "make check   format, lint, types, quick tests (run it before each commit)"
	@echo "make nights  twenty simulated nights for each instrument and mode: the table of pulls"
	@echo "make science pulls and coverage of magnitudes and polarisation, 2000 groups in each of 192 cells (10 minutes)"
	@echo "make clean   remove what the others made"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)
	rm -rf demo-archive
	$(BIN)/iop4 demo demo-archive

test: check night

check: $(READY) lint
	$(BIN)/python -m pytest -q -m "not night" $(PARALLEL)

night: $(READY)
	$(BIN)/python -m pytest -q -m night $(PARALLEL)

lint: $(READY)
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format src tests
	$(BIN)/ruff check --fix src tests

nights: $(READY)
	$(BIN)/python tests/night/pulls.py --nights 20

# QUICK=--quick for a rough table in half a minute; --frames FILE runs whole nights and can be resumed.
science: $(READY)
	$(BIN)/python -m tests.science.honest_errors $(QUICK)

bench: $(READY)
	$(BIN)/python tests/bench/night.py
	$(BIN)/python -W ignore -m tests.bench.screens

docs: $(READY)
	$(BIN)/python -m iop4cli.reference docs share/doc
	$(BIN)/python -m iop4cli.reference man share/man/man1

completions: $(READY)
	$(BIN)/python -m iop4cli.reference completions completions

clean:
	rm -rf $(VENV) demo-archive build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
