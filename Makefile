# demo · test · slow · check · bench · docs. Each target sets up .venv by itself: with uv when it is on the PATH,
# with python3 -m venv and pip when it is not. Nothing outside this folder is changed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell \
	$(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
UV := $(shell command -v uv 2>/dev/null)
INSTALL := $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet)

# A virtual environment that was left half made, or made for another Python, is made again.
USABLE := import pip, sys; sys.exit(sys.prefix == sys.base_prefix or sys.version_info < (3, 11))

.PHONY: help demo test slow check lint bench docs clean

help:
	@echo "make demo    train and test a network on MNIST, and write a report"
	@echo "make test    run the tests, but for the slow ones"
	@echo "make slow    run the slow tests: scikit-learn's suite on the recipe, gradients in float64, the pages' examples"
	@echo "make check   all tests, format, lint, types, import rules, docs: the gate for people and CI"
	@echo "make bench   measure against PyTorch, Keras and scikit-learn"
	@echo "make docs    build the documentation into docs/_build"
	@echo "make clean   remove .venv and everything built"

demo: .venv/.runtime
	$(BIN)/thalweg demo

# Most of the time goes into compiling: what was compiled before, by tests or for the lessons' pictures, is kept here.
test slow docs: export JAX_COMPILATION_CACHE_DIR := $(CURDIR)/.venv/xla
test docs: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS := 0
test docs: export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES := -1

test: .venv/.dev
	$(BIN)/python -m pytest -m "not slow"

slow: .venv/.dev
	$(BIN)/python -m pytest -m slow

check: test slow lint docs

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.dev
	$(BIN)/sphinx-build -W --keep-going -n -q -j auto docs docs/_build/html

bench: .venv/.bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv docs/_build docs/api docs/lessons/pictures .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# One environment in three steps, each done again when pyproject.toml changes: what runs, what tests, what compares.
.venv/.runtime: pyproject.toml
	@test -n "$(PYTHON)" || { echo "thalweg needs Python 3.11 or newer: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up .venv ($(if $(UV),uv,pip))"
	@$(BIN)/python -c '$(USABLE)' 2>/dev/null || \
		$(if $(UV),$(UV) venv --quiet --clear --seed --python $(PYTHON) .venv,$(PYTHON) -m venv --clear .venv)
	@$(INSTALL) -e .
	@touch $@

# PyTorch goes in by pip whichever tool installs the rest: pip knows the local wheels (find-links) that a machine may be
# set up with, such as a build for the CPU, where uv would fetch the CUDA libraries.
.venv/.dev: .venv/.runtime
	@echo "Adding the tools for tests and docs"
	@$(BIN)/python -m pip install --quiet "$$(grep -om1 'torch==[0-9.]*' pyproject.toml)"
	@$(INSTALL) -e ".[dev]"
	@touch $@

.venv/.bench: .venv/.dev
	@echo "Adding the peers to compare with"
	@$(INSTALL) -e ".[bench]"
	@touch $@
