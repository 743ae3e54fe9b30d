PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" --extra embedded pyproject.toml
PYTEST = $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

# SUITE=short leaves out the linters, and runs the files that depend most on versions of Python and of packages.
SUITE ?= whole
SHORT = $(patsubst %,tests/test_%.py,columns inflate readers delimited json load days library help requirements)

.PHONY: run test check lowest fuzz chaos docs lock check-lock

run: $(VENV)/ready
	$(BIN)/python -m tests.support.quickstart

test check: $(VENV)/dev
ifeq ($(SUITE),short)
	$(PYTEST) $(SHORT)
else ifeq ($(SUITE),whole)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check
	$(PYTEST)
else
	$(error SUITE is whole or short, not "$(SUITE)")
endif

# The short tests with the oldest packages that pyproject.toml admits. The oldest Python runs them: newer ones have no
# wheels of these packages.
lowest .venv-lowest/dev: BIN = .venv-lowest/bin
lowest: .venv-lowest/dev
	$(PYTEST) $(SHORT)

# FUZZ="xml_messages --seconds 600" says what and how long. Not in the lock: it does not install everywhere.
fuzz: $(VENV)/dev
	$(PIP) install "atheris>=3" || { echo "fuzzing needs atheris, which has wheels for Linux on x86-64" >&2; exit 1; }
	$(BIN)/python -m fuzz $(FUZZ)
# Twenty minutes; its table goes into docs/reliability.md.
chaos: $(VENV)/dev
	$(BIN)/python -m chaos

docs: $(VENV)/ready
	$(BIN)/python docs/generate.py

# One version of each package for every Python and platform, with the digests of its files; UPGRADE=1 takes the newest.
lock: $(VENV)/ready
	$(PIP) install uv
	$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements/run.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra dev --resolution lowest-direct --no-build \
		--output-file requirements/lowest.txt

# Resolves the lock for the oldest and the newest Python that pyproject.toml admits, and installs nothing. A package that
# is missing, has no digest or has no wheel is an error.
PYTHONS = $(shell sed -n 's/.*Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml)
PLATFORMS = x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin
check-lock: $(VENV)/ready
	$(PIP) install uv
	@set -e; for python in $(firstword $(PYTHONS)) $(lastword $(PYTHONS)); do for platform in $(PLATFORMS); do \
		echo "requirements/dev.txt for Python $$python on $$platform"; \
		$(BIN)/uv pip install --quiet --dry-run --require-hashes --no-build --target $(VENV)/none \
			--python-version $$python --python-platform $$platform -r requirements/dev.txt; \
	done; done

$(VENV)/ready: pyproject.toml requirements/run.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps -e .
	touch $@

$(VENV)/dev: $(VENV)/ready requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	touch $@

.venv-lowest/dev: pyproject.toml requirements/lowest.txt
	$(PYTHON) -m venv .venv-lowest
	$(PIP) install --require-hashes -r requirements/lowest.txt
	$(PIP) install --no-deps -e .
	touch $@
