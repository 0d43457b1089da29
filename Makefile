# make demo and make test need nothing but Python (3.11 or newer) and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A file of tests stays in one process: its nights are made once.
PARALLEL ?= -n auto --dist loadfile

# Where make install puts the program: $(PREFIX)/bin/iop4, and a virtual environment of its own in $(PREFIX)/lib/iop4.
PREFIX ?= $(HOME)/.local
# Shells leave the ~ of PREFIX=~/x alone.
override PREFIX := $(patsubst ~/%,$(HOME)/%,$(PREFIX))
HOME_OF_INSTALLED := $(PREFIX)/lib/iop4
LINKED := share/bash-completion/completions/iop4 share/zsh/site-functions/_iop4 \
  share/fish/vendor_completions.d/iop4.fish

.PHONY: help install uninstall demo test check night lint format bench soak nights science docs completions clean

help:
	@echo "make demo    simulate a night, reduce it, print results beside the truth"
	@echo "make test    everything: make check, then whole nights"
	@echo "make check   format, lint, types, quick tests (run it before each commit)"
	@echo "make nights  twenty simulated nights for each instrument and mode: the table of pulls"
	@echo "make science pulls and coverage of magnitudes and polarisation, 2000 groups in each of 192 cells (10 minutes)"
	@echo "make bench   what nights, verbs, plans and exports cost beside the floor; a line to tests/bench/trend.csv"
	@echo "make soak    kill, fill, hang, cut and fuzz: a table of each fault, how often it was tried, and what was lost"
	@echo "make install    into PREFIX (~/.local; or PREFIX=/usr/local): the program in PREFIX/lib/iop4, a virtual"
	@echo "                environment of its own; links to it in PREFIX/bin, share/man and the completions of shells"
	@echo "make uninstall  remove all of that"
	@echo "make clean   remove what the others made"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

install:
	$(PYTHON) -m venv --clear "$(HOME_OF_INSTALLED)"
	"$(HOME_OF_INSTALLED)/bin/python" -m pip install --quiet --constraint constraints.txt .
	@set -e; cd "$(PREFIX)"; from="$$(pwd -P)/lib/iop4"; \
	for file in bin/iop4 $(LINKED) $$(cd "$$from" && ls share/man/man1/iop4*); do \
	  mkdir -p "$$(dirname "$$file")"; ln -sf "$$from/$$file" "$$file"; done
	@echo "$(PREFIX)/bin/iop4 is installed; a new shell completes its names"
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo "$(PREFIX)/bin is not in your PATH yet" ;; esac

# Only links into the environment go: a file of the same name that is somebody else's stays.
uninstall:
	@set -e; [ -d "$(HOME_OF_INSTALLED)" ] || { echo "nothing is installed in $(PREFIX)"; exit 0; }; \
	cd "$(PREFIX)"; from="$$(pwd -P)/lib/iop4"; \
	for file in bin/iop4 $(LINKED) share/man/man1/iop4*; do \
	  case "$$(readlink "$$file" || true)" in "$$from"/*) rm "$$file" ;; esac; done; \
	rm -rf "$$from"; echo "iop4 is removed from $(PREFIX)"

demo: $(READY)
	rm -rf demo-archive
	$(BIN)/iop4 demo demo-archive

test: check night

check: $(READY) lint
	$(BIN)/python -m pytest -q -m "not night" $(PARALLEL)

night: $(READY)
	$(BIN)/python -m pytest -q -m "night and not timed" $(PARALLEL)
	$(BIN)/python -m pytest -q -m "night and timed"

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
	$(BIN)/python -W ignore -m tests.bench
	$(BIN)/python -W ignore -m tests.bench.screens

# QUICK=--quick for the few tries of every day's tests; ONLY='--only kill' for one kind.
soak: $(READY)
	$(BIN)/python -W ignore -m tests.soak $(QUICK) $(ONLY)

docs: $(READY)
	$(BIN)/python -m iop4cli.reference docs share/doc
	$(BIN)/python -m iop4cli.reference man share/man/man1

completions: $(READY)
	$(BIN)/python -m iop4cli.reference completions completions

clean:
	rm -rf $(VENV) demo-archive build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
