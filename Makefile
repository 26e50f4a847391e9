# Needs only make and Python >= 3.11; everything else is installed into .venv.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Tests wait more than they work: for caches to end, outages to be noticed, browsers. Not WORKERS: make would give it to
# the functions, which functions-framework runs in so many processes.
PARALLEL ?= $(shell $(PYTHON) -c "import os; print(min(12, 2 * (os.cpu_count() or 1) + 1))")
# Hundreds of processes are started, and each would compile anew what the first could have left for all.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test fuzz lint style openapi settings arrows script console lock audit bench results load clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) built-console ## Make .venv and the console ready; the other targets do it by themselves

# Everything in it is pinned and checked by hash; the project itself goes in editable. What is used of the libraries is
# compiled by its first use: all of it takes a fifth of this time.
$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.13")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements-dev.txt
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: $(READY) built-console ## Start everything on this machine: popups dev
	@$(BIN)/popups dev $(ARGS)

# mypy works beside the tests, and its verdict stands after theirs. First every test is imported once: the workers then
# find the assertions as pytest rewrites them.
test: $(READY) built-console style ## Lint, type check and run every test
	@verdict=$$(mktemp); $(BIN)/mypy >$$verdict 2>&1 & types=$$!; \
	$(BIN)/pytest --quiet --collect-only >/dev/null; \
	$(BIN)/pytest --numprocesses $(PARALLEL) --dist loadfile --no-loadscope-reorder --reruns 1 $(ARGS); tests=$$?; \
	wait $$types; types=$$?; cat $$verdict; rm $$verdict; exit $$((tests || types))

fuzz: $(READY) ## Send every function hundreds of requests of each kind (FUZZ_EXAMPLES=…)
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-500} $(BIN)/pytest tests/promises/test_fuzz.py $(ARGS)

lint: style ## ruff, shellcheck and mypy
	$(BIN)/mypy

style: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/shellcheck --external-sources --check-sourced deploy.sh .ci/run

openapi: $(READY) ## Write docs/openapi.json and the console's types anew from the schemas
	$(BIN)/python -m openapi

settings: $(READY) ## Write the pages that list the settings anew from Config
	$(BIN)/python -m ops.settings_pages

arrows: $(READY) ## Draw the import arrows in CONTRIBUTING.md anew
	$(BIN)/python -m tests.support.arrows

COMPILE = $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

# The wheel's Node, and not another one of the machine's.
script: export PATH := $(CURDIR)/$(BIN):$(PATH)
script: $(READY) ## Build the storefront script anew; needs npm once
	cd storefront && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent build

# What the console is built of; node_modules and dist are not.
CONSOLE_SOURCES := $(shell find console -type f -not -path 'console/node_modules/*' -not -path 'console/dist/*') \
	storefront/dist/files.json

console: console/dist/headers.json ## Build the merchant's console; needs npm once

console/node_modules/.package-lock.json: export PATH := $(CURDIR)/$(BIN):$(PATH)
console/node_modules/.package-lock.json: $(READY) console/package.json console/package-lock.json
	@cd console && npm ci --ignore-scripts --no-audit --no-fund --silent --fetch-retries=0
	@touch $@

console/dist/headers.json: export PATH := $(CURDIR)/$(BIN):$(PATH)
console/dist/headers.json: $(READY) console/node_modules/.package-lock.json $(CONSOLE_SOURCES)
	@cd console && npm run --silent build -- --logLevel warn
	@touch $@

# Where npm's registry cannot be reached the functions run and are tested all the same.
.PHONY: built-console
built-console: $(READY)
	@$(MAKE) --silent console || echo "The console is not built: npm's registry could not be reached, or see above."

lock: $(READY) ## Write the lock files anew from pyproject.toml (ARGS=--upgrade for newer versions)
	$(COMPILE) $(ARGS) --output-file requirements.txt pyproject.toml
	$(COMPILE) $(ARGS) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

audit: ## Ask for known vulnerabilities of what is deployed; needs the network
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	.venv-audit/bin/pip-audit --require-hashes --disable-pip --requirement requirements.txt

bench: $(READY) ## Measure the functions beside two empty ones
	$(BIN)/python -m benchmarks $(ARGS)

results: $(READY) ## Measure and save what the README and docs quote: a quarter of an hour on a quiet machine
	$(BIN)/python -m benchmarks --quoted --save $(ARGS)

load: $(READY) ## Send a shop's traffic at a fixed rate: SCENARIO=normal|peak|spike|stress, HOST=… (ops/load/README.md)
	@$(BIN)/python -m ops.load $(or $(SCENARIO),normal) $(if $(HOST),--host $(HOST)) $(ARGS)

clean: ## Remove what the targets made; the data of `popups dev` stays
	rm -rf .venv .venv-audit build dist console/dist console/node_modules *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
