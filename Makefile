# These targets install and run everything; `make` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
GPU    := .venv-gpu
NODE   := tests/surface/node_modules
# Tests of what people and programs send: the same on every server, and slow to set up there.
FILES_AND_FORMS := api/test_pictures_over_http api/test_uploads api/test_hosts_and_proxies api/test_hostile_requests \
  assets/test_hostile_pictures cli/test_command_errors curation/test_import_limits curation/test_spreadsheets \
  ingest/test_bad_sources ingest/test_hostile_zips publishing/test_existing_metadata publishing/test_file_names publishing/test_label_studio_import
.DEFAULT_GOAL := help
.PHONY: help run run-gpu test test-models test-services lint format lock bench bench-models browser services screenshots clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## install if needed, then start the console
	$(BIN)/streamlit run app.py

run-gpu: $(GPU)/.run ## start the console with the large models' requirements; installs several GB
	$(GPU)/bin/streamlit run app.py

test: $(VENV)/.dev browser $(NODE)/.package-lock.json ## run all tests except those of the large models and the servers
	$(BIN)/python -m pytest

test-models: $(GPU)/.dev ## test the large models' code on tiny checkpoints; needs no GPU
	$(GPU)/bin/python -m pytest tests/models

test-services: $(VENV)/.dev services ## test the core on all servers, with faults injected
	TAGLOOP_TEST_ON=services $(BIN)/python -m pytest tests/tagging_core tests/services \
	  $(foreach file,$(FILES_AND_FORMS),--ignore=tests/tagging_core/$(file).py)

lint: $(VENV)/.dev ## ruff, ruff format, typos, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/typos
	$(BIN)/mypy tagging_core console
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## format and fix with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.dev ## pin requirements*.txt from the .in files
	grep -v '^torch==' requirements.in | cat - requirements-gpu.in > $(VENV)/requirements-gpu.in
	for name in requirements requirements-embed requirements-dev $(VENV)/requirements-gpu; do \
	  $(BIN)/pip-compile -q --upgrade --no-header --strip-extras --no-emit-index-url --no-emit-find-links \
	    --annotation-style=line -o $$(basename $$name).txt $$name.in && sed -i 's/+cpu//; s#$(VENV)/##' $$(basename $$name).txt || exit 1; \
	done

bench: $(VENV)/.dev ## measure the published figures: make bench DIR=folder-of-labelled-photos
	$(BIN)/python -m benchmarks.learning $(DIR)
	$(BIN)/python -m benchmarks.calibration $(DIR)
	$(BIN)/python -m benchmarks.ordering $(DIR)
	$(BIN)/python -m benchmarks.scale $(DIR)
	$(BIN)/python -m benchmarks.ingest $(DIR)
	$(BIN)/python -m benchmarks.decision $(DIR)
	$(BIN)/python -m benchmarks.console $(DIR) --embedding
	$(BIN)/python -m benchmarks.browser $(DIR)
	$(BIN)/python -m benchmarks.editors $(DIR)
	$(BIN)/python -m benchmarks.effort $(DIR)
	$(BIN)/python -m benchmarks.curation $(DIR)
	$(BIN)/python -m benchmarks.library $(DIR)
	$(BIN)/python -m benchmarks.compliance $(DIR)
	$(BIN)/python -m benchmarks.insights
	$(BIN)/python -m benchmarks.api $(DIR)
	$(BIN)/python -m benchmarks.search --photos $(DIR)
	$(BIN)/python -m benchmarks.workers $(DIR)
	$(BIN)/python -m benchmarks.editors $(DIR) --full-set --editors 20

bench-models: $(GPU)/.dev ## measure the large models: make bench-models DIR=folder-of-labelled-photos
	$(GPU)/bin/python -m benchmarks.models $(DIR)
	$(GPU)/bin/python -m benchmarks.pipeline $(DIR)
	$(GPU)/bin/python -m benchmarks.switching $(DIR)

browser: ## install Debian's Chromium, Node and exiftool for tests, if permitted
	@command -v chromium >/dev/null && command -v node >/dev/null && command -v exiftool >/dev/null && command -v npm >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium nodejs libimage-exiftool-perl >/dev/null \
	  && { command -v npm >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq npm >/dev/null; }; } \
	  || echo "Chromium, Node or exiftool is missing and cannot be installed: tests that need them are skipped."

services: ## install Debian's servers for tests, if permitted; Chroma and the object store are Python packages
	@{ ls -d /usr/lib/postgresql/*/bin && command -v redis-server && command -v rabbitmq-server && command -v prometheus; } >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql redis-server rabbitmq-server prometheus >/dev/null; } \
	  || echo "A server is missing and cannot be installed: tests that need it are skipped."

screenshots: $(VENV)/.dev browser ## retake the screenshots in docs/
	$(BIN)/python -m tests.browser.screenshots docs

clean: ## remove the virtual environments, but no data
	rm -rf $(VENV) $(GPU) $(NODE)

# ESLint and axe-core, for the tests of the console's JavaScript.
$(NODE)/.package-lock.json: tests/surface/package-lock.json | browser
	command -v npm >/dev/null && npm ci --prefix tests/surface --no-audit --no-fund --silent || true

$(VENV)/.run: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt requirements-embed.txt
	$(BIN)/pip install --disable-pip-version-check -q -r requirements-dev.txt -r requirements-embed.txt
	touch $@

$(GPU)/.run: requirements-gpu.txt
	$(PYTHON) -m venv $(GPU)
	$(GPU)/bin/pip install --disable-pip-version-check -q -r requirements-gpu.txt
	touch $@

$(GPU)/.dev: $(GPU)/.run requirements-dev.txt requirements-embed.txt
	$(GPU)/bin/pip install --disable-pip-version-check -q -r requirements-dev.txt -r requirements-embed.txt
	touch $@
