# The front doors of the repository; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
WORKERS ?= 2
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help setup demo test sdk check format run bench deep lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: ## install what is missing: venv, Python and npm packages
	@.ci/bootstrap

demo: setup ## run the main job on a local devnet of real chains
	@$(PY) -m daemon.demo

test: setup sdk ## pass all tests
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile

sdk: setup ## the makers' SDKs, which our instructions are compared with
	@[[ -d tests/sdk/node_modules ]] \
	  || npm ci --prefix tests/sdk --ignore-scripts --silent --no-audit --no-fund \
	  || echo "setup: the makers' SDKs cannot be installed: comparisons with them will be skipped" >&2

check: setup ## format, lint, types, import contracts
	@ruff format --check .
	@ruff check .
	@mypy
	@lint-imports

format: setup ## let the formatter and the linter mend what they can
	@ruff format .
	@ruff check --fix .

run: setup ## the daemon, with ./plimsoll.toml or CONFIG=path
	@plimsoll run --config $(or $(CONFIG),plimsoll.toml)

bench: setup sdk ## benchmarks, written to bench.json
	@$(PY) -m tests.bench

deep: setup sdk ## property, model and fuzz tests at full counts
	@$(PY) -m tests.proofs.bls.fetch
	@HYPOTHESIS_PROFILE=deep $(PY) -m pytest -m 'deep or not deep' --timeout=3600

lock: setup ## write the lock files again from pyproject.toml and package.json
	@$(PY) -m pip install -q uv
	@uv pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes --no-header -q -o requirements.lock
	@npm install --package-lock-only

clean: ## remove what setup and the tests made
	@rm -rf $(VENV) node_modules .plimsoll .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
