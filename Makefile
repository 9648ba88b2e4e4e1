# Everything a fresh machine needs: Debian 12 or alike with python3 (3.11+), its venv module, git and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test storm check bench lock clean

help:  ## Show what can be made.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Installed once, and again when the lock or the project's own description changes.
$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(VENV)/installed  ## Put d365acs and all it needs into .venv, for operating it from this checkout.

demo: $(VENV)/installed  ## Watch records travel to a pretend Campaign, and its events to a pretend Dynamics.
	$(BIN)/d365acs demo

# Half of the time a test waits: two for each core of a small machine keep its cores busy.
# And it starts hundreds of processes: what they run is compiled once, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/installed  ## Run all tests.
	$(BIN)/pytest -n 4 --dist worksteal

# SEEDS=1-200 are those, SEEDS=7,9 these, SEEDS=20 the first twenty; JOBS at a time; CONTROLS= leaves out the storms that must fail.
SEEDS    ?= 20
JOBS     ?= 1
CONTROLS ?= 1
storm: $(VENV)/installed  ## Run all three workflows through seeded chaos, and judge what comes of it (docs/storm.md).
	$(BIN)/python -m tests.storm --seeds $(SEEDS) --jobs $(JOBS) $(if $(CONTROLS),,--no-controls) $(if $(SHORT),--short)

check: $(VENV)/installed  ## Lint, types, import rules, freshness of generated pages, audit of the dependencies.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m cli.reference --check docs/cli.md
	$(BIN)/python -m config.reference --check
	$(BIN)/python -m tests.audit

bench: $(VENV)/installed  ## Measure what we claim about speed and memory.
	$(BIN)/python -m benchmarks

lock: $(VENV)/installed  ## Resolve the locked dependencies anew.
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --upgrade --output-file requirements.lock

clean:  ## Remove everything that make has made.
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
