# Two commands on a fresh machine: make demo, make test. The steps themselves are in docker/setup.sh and docker/install-packages.sh.

PORT ?= 8000
GRIDSVC_HOME ?= .gridsvc
PYTHON ?= python3
# The home travels as --home; as a variable it would reach the tests too.
unexport GRIDSVC_HOME
export PYTHON

MAPS := $(shell find maps -type f -not -path '*/node_modules/*' 2>/dev/null) gridsvc/cartography/manifest.json
BUILT := gridsvc/app/static gridsvc/cartography/vendor

.PHONY: help demo test setup lint drill bench clean constraints run-packages test-packages again
.DEFAULT_GOAL := help
.NOTPARALLEL:

help: ## Show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "Variables: PORT=$(PORT)  GRIDSVC_HOME=$(GRIDSVC_HOME)  PYTHON=$(PYTHON)"

demo: setup ## Bring up the service with the sample town; Ctrl-C stops it
	@exec .venv/bin/gridsvc up --demo --home "$(GRIDSVC_HOME)" --port "$(PORT)"

test: test-packages lint ## Run every check and test, browser tests included
	@bash docker/setup.sh npm test
	@PATH="$(CURDIR)/.venv/bin:$$PATH" pytest -n 2

setup: run-packages .build/python .build/maps ## Install what is missing and build the pages

lint: setup ## Check style, types and layers
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

drill: setup test-packages ## Long forms of tests that `make test` keeps short
	@GRIDSVC_TEST_EXAMPLES=100 .venv/bin/pytest -q -n 2 tests/app/edge/test_contract.py

bench: setup ## Measure speed
	@bash docker/install-packages.sh bench
	@.venv/bin/python -m tests.bench

clean: ## Remove what was installed and built; the data stays
	rm -rf .venv .build maps/node_modules $(BUILT)
	@echo "The data in $(GRIDSVC_HOME) is kept; delete it yourself to start empty."

constraints: .build/python ## Pin the newest versions of all packages in docker/constraints.txt
	@printf 'uv\nhatchling\neditables\nnodejs-wheel-binaries\n' | .venv/bin/uv pip compile pyproject.toml - --all-extras --universal \
		--python-version 3.11 --no-header --no-annotate --no-emit-index-url --upgrade --quiet -o docker/constraints.txt

# Always looked at, in a few milliseconds: the checkout may have come to another machine.
run-packages:
	@bash docker/install-packages.sh run

test-packages:
	@bash docker/install-packages.sh test

.build/python: pyproject.toml docker/constraints.txt $(if $(wildcard .venv/bin/gridsvc),,again) | run-packages
	@bash docker/setup.sh python
	@touch $@

.build/maps: $(MAPS) $(if $(wildcard maps/package.json),,again) $(if $(filter-out $(wildcard $(BUILT)),$(BUILT)),again) | .build/python
	@bash docker/setup.sh maps
	@touch $@
