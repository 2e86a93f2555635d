# make up: set all up and run the platform.   make test: set all up and pass the tests.   make help: the rest.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
READY := .venv/.ready
# More than there are cores: tests wait for servers and processes half of their time.
WORKERS ?= 4

.PHONY: up test check reset lint types contracts contract browser migrations deploy collected help
.DEFAULT_GOAL := help

help:
	@echo "make up      set all up and run the three applications and their workers (Ctrl-C stops all)"
	@echo "make test    set all up and run every test"
	@echo "make check   what CI runs: lint, types, import contracts, migrations, deployment check, tests"
	@echo "make contract   generated clients and schemathesis against the running API, from a virtual environment of their own"
	@echo "make browser    the operators' panel in the Chromium that is installed here"
	@echo "make reset   stop the local servers and delete their data"

up: $(READY)
	@$(PY) manage.py up $(if $(PORT),--port $(PORT))

# Byte code is kept, even where the environment says not to: tests start hundreds of processes, which would all compile.
test: $(READY)
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n $(WORKERS)

reset: $(READY)
	@$(PY) manage.py reset

check: $(READY)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types lint contracts migrations deploy collected
	@$(MAKE) --no-print-directory test

# Every test module is compiled once, beside the checks that keep one core busy. What fails here fails in the tests, too.
collected: $(READY)
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest --collect-only > /dev/null || true

lint: $(READY)
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .

types: $(READY)
	@$(PY) -m mypy exchanger identity web admin_panel bot manage.py

contracts: $(READY)
	@.venv/bin/lint-imports

migrations: $(READY)
	@$(PY) manage.py makemigrations --check

contract: $(READY) .venv-contract/.ready
	@$(PY) bench/contract.py

browser: $(READY) .venv/.browser
	@$(PY) -m pytest admin_panel/tests/browser

.venv/.browser: $(READY) admin_panel/tests/browser/requirements.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check -r admin_panel/tests/browser/requirements.txt
	@touch $@

.venv-contract/.ready: bench/contracts/requirements.txt
	@$(PYTHON) -m venv .venv-contract
	@.venv-contract/bin/pip install --quiet --disable-pip-version-check -r bench/contracts/requirements.txt
	@touch $@

deploy: $(READY)
	@$(PY) -m exchanger.testing.deploy_check

$(READY): requirements.txt
	@test -n "$(PYTHON)" || { echo "exchanger: no Python 3.11 or newer is found: install one, or run make PYTHON=/path/to/python"; exit 1; }
	@echo "Installing the requirements into .venv (once, about half a minute) …"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $(READY)
