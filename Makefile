# Overread. `make help` explains the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first of these that is Python 3.11 to 3.13. Override with `make PYTHON=/path/to/python`.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
UV := .tools/bin/uv
LOCK := requirements/dev.txt
STAMP := $(VENV)/.locked
EXTRAS := portal airlock worker dev
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: help setup run test check fmt lock lock-check bench chaos clean

help: ## Show this help
	@echo "Overread needs Python 3.11 to 3.13 and make; everything else is installed here from the lock."
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install the locked dependencies into .venv

$(UV): requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "Overread needs Python 3.11, 3.12 or 3.13 and found none. Install one, or say make PYTHON=/path/to/python." >&2; exit 2; }
	@"$(PYTHON)" -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/uv.txt
	@touch $@

$(STAMP): $(LOCK) $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python "$(PYTHON)" $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (a few minutes the first time) ..."
	@# bytecode now: else every start compiles the libraries anew, TensorFlow for 7 s where it is used
	@VIRTUAL_ENV=$(VENV) $(UV) pip sync --quiet --require-hashes --compile-bytecode $(LOCK)
	@touch $@

run: setup ## Set up, migrate and start everything with demo sites, users and samples
	@$(BIN)/python manage.py serve --demo

test: setup ## Run the whole test suite (SQLite and a bundled broker, or DATABASE_URL and REDIS_URL)
	@# neighbours stay together, so that what a file's tests share is started once
	@$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

check: setup ## Formatting, lint, types, import contracts, migrations, deployment settings, lock
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@OVERREAD_ORIGIN=https://overread.example $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(MAKE) --no-print-directory lock-check

fmt: setup ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lock: $(UV) ## Compile requirements/*.txt from pyproject.toml
	@for extra in $(EXTRAS); do $(UV) $(COMPILE) --extra $$extra pyproject.toml -o requirements/$$extra.txt || exit 1; done
	@{ echo "# The installer itself, for make setup."; awk '/^uv==/{p=1} p&&/^ +# via/{exit} p' requirements/dev.txt; } > requirements/uv.txt

lock-check: $(UV)
	@temp=$$(mktemp -d) && trap 'rm -rf "$$temp"' EXIT && for extra in $(EXTRAS); do \
		cp requirements/$$extra.txt $$temp/ && $(UV) $(COMPILE) --extra $$extra pyproject.toml -o $$temp/$$extra.txt && \
		diff -q requirements/$$extra.txt $$temp/$$extra.txt >/dev/null || { echo "requirements/$$extra.txt is not what pyproject.toml asks for: run make lock" >&2; exit 1; }; \
	done; echo "The lock is up to date."

bench: setup ## Measure speed and print the ratios (see benchmarks/README.md)
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: setup ## Upload under kills, freezes and stops, and hold a ledger against it (hours; ARGS="--help")
	@$(BIN)/python -m tests.chaos.runner $(ARGS)

clean: ## Remove what setup and tests made, and keep the data in var/
	@rm -rf $(VENV) .tools build .pytest_cache .mypy_cache .ruff_cache .hypothesis
