# The commands of the project. `make demo` and `make test` need nothing but Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
OFFLINE := { echo "Python packages could not be had: this needs the network once, or a package index that pip knows."; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help demo test check packages bench dashboards docs devices clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.installed ## a simulated data centre and dcmon on it; ARGS="--scenario genset-late --speed 10"
	$(BIN)/dcmon demo $(ARGS)

test: packages $(VENV)/.developing ## everything that can be tested here; says what it leaves out
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.developing ## lint, types, import contracts, documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/docs

packages: ## the Debian packages that the tests talk to, where root or sudo may install them
	@sh tests/install-packages

bench: $(VENV)/.developing ## all benchmarks, one JSON line each, and the table of the README
	$(BIN)/python -m benchmarks --table

dashboards: $(VENV)/.developing ## grafana/dashboards from their program
	$(BIN)/python grafana/generate.py

docs: $(VENV)/.developing ## the documents that are lists of what the code holds
	$(BIN)/python docs/generate.py

clean: ## removes what the commands above made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

devices: $(VENV)/.developing ## right, wrong and missing of the recordings that DCMON_RECORDINGS names, per class
	$(BIN)/python docs/generate.py --devices

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "dcmon needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV), once; this takes a minute."
	@$(PIP) install -c constraints.txt -e . || $(OFFLINE)
	@touch $@

$(VENV)/.developing: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV), once; this takes a minute."
	@$(PIP) install -c constraints.txt -e '.[dev]' || $(OFFLINE)
	@touch $@ $(VENV)/.installed
