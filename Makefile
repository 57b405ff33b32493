# Every target installs what it needs into VENV; `make help` explains them.
# VENV=DIR shares one environment between checkouts.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PHOTOS ?=
JSON ?=
SEED ?=
ARGS ?=
export MYPYPATH := protos

.DEFAULT_GOAL := help
.PHONY: help install install-test demo test check format bench bench-accuracy bench-bandwidth \
	bench-calibration bench-detect bench-frame bench-georeference bench-incidents bench-ingest bench-memory \
	bench-merging bench-proximity bench-raster bench-scale protos lock image clean

help: ## What each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  VENV=DIR      use this environment instead of .venv (now: $(VENV))"
	@echo "  PHOTOS=PATH   make demo with your own photographs"
	@echo "  JSON=FILE     every bench target writes its figures there as well"
	@echo "  SEED=N        bench-incidents with this seed"
	@echo "  ARGS='...'    more arguments for pytest or the benchmark"

# An environment is current when it was made from this very lock file. The name of the stamp
# holds the hash of the lock, so a changed lock makes a missing file.
lock_hash = $(shell cat deploy/locks/$(1).txt pyproject.toml | sha256sum | cut -c1-16)
SERVICE_STAMP := $(VENV)/.vedette-service-$(call lock_hash,service)
TEST_STAMP := $(VENV)/.vedette-test-$(call lock_hash,test)
CHECKOUT_STAMP := $(VENV)/.vedette-checkout

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vedette needs Python 3.11 or later; set PYTHON=")'
	@$(PYTHON) -m venv $(VENV)

$(SERVICE_STAMP): | $(BIN)/python
	@echo "installing the service and its parts from deploy/locks/service.txt ..."
	@$(PIP) install --require-hashes --requirement deploy/locks/service.txt
	@PYTHON=$(BIN)/python deploy/system.sh
	@touch $@

$(TEST_STAMP): | $(BIN)/python
	@echo "installing what tests and benchmarks need (torch among it: minutes, 6 GB) ..."
	@$(PIP) install --require-hashes --requirement deploy/locks/test.txt
	@PYTHON=$(BIN)/python deploy/system.sh
	@deploy/test-servers.sh
	@touch $@

# The checkout itself is installed editable; a shared environment follows the checkout in use.
.PHONY: checkout
checkout: | $(BIN)/python
	@if [ "$$(cat $(CHECKOUT_STAMP) 2>/dev/null)" != "$(CURDIR)" ]; then \
		$(PIP) install --no-deps --editable . && echo "$(CURDIR)" > $(CHECKOUT_STAMP); fi

install: $(SERVICE_STAMP) checkout ## Install the service (no torch) into VENV
	@echo "done: $(BIN)/vedette --help"

install-test: $(TEST_STAMP) checkout ## Install what tests, checks and benchmarks need as well

demo: $(SERVICE_STAMP) checkout ## Watch the whole path on a rendered sortie, or on PHOTOS=PATH
	@$(BIN)/python deploy/demo.py $(if $(PHOTOS),--photos "$(PHOTOS)") $(ARGS)

test: $(TEST_STAMP) checkout ## Run the tests: real S3, real TAK server, real model
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(TEST_STAMP) checkout ## Lint, types, import contract, protocol lint, generated stubs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/buf lint
	@BIN=$(BIN) deploy/protos.sh check

format: $(TEST_STAMP) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(TEST_STAMP) checkout ## Every benchmark, as ratios against peers in the same run
	@$(BIN)/python -m benchmarks $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-detect: $(TEST_STAMP) checkout ## Image to boxes against sahi and the bare engine
	@$(BIN)/python -m benchmarks.detection $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-ingest: $(TEST_STAMP) checkout ## Ingest against a plain put into the same S3
	@$(BIN)/python -m benchmarks.ingest $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-georeference: $(TEST_STAMP) checkout ## Ground points a second against orthority
	@$(BIN)/python -m benchmarks.georeference $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-accuracy: $(TEST_STAMP) checkout ## Accuracy at equal weights against sahi and whole frames
	@$(BIN)/python -m benchmarks.accuracy $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-calibration: $(TEST_STAMP) checkout ## Predicted against observed error on surveyed points
	@$(BIN)/python -m benchmarks.calibration $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-raster: $(TEST_STAMP) checkout ## Memory and time a pixel from 100 megapixels to 2 gigapixels
	@$(BIN)/python -m benchmarks.raster $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-memory: $(TEST_STAMP) checkout ## Memory of the whole service as frames grow
	@$(BIN)/python -m benchmarks.memory $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-merging: $(TEST_STAMP) checkout ## Merging of 33,000 boxes
	@$(BIN)/python -m benchmarks.merging $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-scale: $(TEST_STAMP) checkout ## What magnifying finds of objects of 9 to 12 pixels
	@$(BIN)/python -m benchmarks.accuracy_scale $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-proximity: $(TEST_STAMP) checkout ## A frame among 10,000 positions and a million detections
	@$(BIN)/python -m benchmarks.proximity $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-incidents: $(TEST_STAMP) checkout ## Days of simulated sorties: alerts per threat, misses, false alarms
	@$(BIN)/python -m benchmarks.incidents $(if $(SEED),--seed "$(SEED)") $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-frame: $(TEST_STAMP) checkout ## What a frame costs besides detection, with a ledger of a million
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.frame $(if $(SEED),--seed "$(SEED)") $(if $(JSON),--json "$(JSON)") $(ARGS)

bench-bandwidth: $(TEST_STAMP) checkout ## Bytes and seconds over a shaped satellite link; needs root
	@$(BIN)/python -m benchmarks.bandwidth $(if $(JSON),--json "$(JSON)") $(ARGS)

protos: $(TEST_STAMP) ## Regenerate the stubs beside protos/vedette/v1/*.proto
	@BIN=$(BIN) deploy/protos.sh write

lock: $(TEST_STAMP) ## Resolve the lock files anew from pyproject.toml
	@PATH="$(abspath $(BIN)):$$PATH" deploy/lock.sh

image: ## Build the container image with buildah and see that it answers its health check
	@deploy/image.sh

clean: ## Remove the environment and everything made here
	rm -rf .venv .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
