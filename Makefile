PYTHON ?= python3
BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" --extra embedded pyproject.toml

.PHONY: run test check fuzz docs lock

run: .venv/ready
	$(BIN)/python -m tests.support.quickstart

test check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

# FUZZ="xml_messages --seconds 600" says what and how long. Not in the lock: it does not install everywhere.
fuzz: .venv/dev
	$(PIP) install "atheris>=3" || { echo "fuzzing needs atheris, which has wheels for Linux on x86-64" >&2; exit 1; }
	$(BIN)/python -m fuzz $(FUZZ)

docs: .venv/ready
	$(BIN)/python docs/generate.py

# One version of each package for every Python and platform, with the digests of its files; UPGRADE=1 takes the newest.
lock: .venv/ready
	$(PIP) install uv
	$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements/run.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt

.venv/ready: pyproject.toml requirements/run.txt
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps -e .
	touch $@

.venv/dev: .venv/ready requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	touch $@
