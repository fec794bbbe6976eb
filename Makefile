# All that one does with a checkout. `make` alone lists it.
BIN := .venv/bin
NAME ?= intake pipeline desk stream start
# Playwright's driver needs libatomic1, the browser letters to draw.
BROWSER := chromium libatomic1 fonts-liberation
# What the tests talk to: a database, a browser and mail servers.
COUNTERPARTS := postgresql $(BROWSER) postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-sieve

.DEFAULT_GOAL := help
.PHONY: help setup run counterparts test test-unit test-pg lint lint-style lint-types lint-layers lint-budgets \
	lint-migrations lint-translations format bench vendor shots messages messages-update pristine lock

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

setup: ## prepare .venv with the locked dependencies and Tresen
	@sh tools/setup.sh

run: setup ## start Tresen with the demo company (ARGS="--port 8001" passes options)
	@$(BIN)/tresen run --demo $(ARGS)

counterparts: ## install the Debian packages that the tests talk to
	@sh tools/apt.sh $(COUNTERPARTS)

test: setup counterparts ## all tests: unit suite on SQLite and PostgreSQL, then real counterparts
	@$(BIN)/python tools/test.py

test-unit: setup ## the unit suite on SQLite
	@$(BIN)/python tools/test.py sqlite

test-pg: setup ## the unit suite on a throw-away PostgreSQL
	@sh tools/apt.sh postgresql
	@$(BIN)/python tools/test.py postgresql

lint: lint-style lint-types lint-layers lint-budgets lint-migrations lint-translations ## all checks of the code

lint-style: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

# What only looks at the settings leaves the installation in data/ alone.
lint-types lint-migrations: export TRESEN_DATA := .venv/data

lint-types: setup
	@$(BIN)/mypy

lint-layers: setup
	@$(BIN)/lint-imports

lint-budgets: setup
	@$(BIN)/python tools/budgets.py

lint-migrations: setup
	@$(BIN)/python -m django makemigrations --check --dry-run --settings tresen.config.settings

lint-translations: setup
	@$(BIN)/python tools/translations.py check

format: setup ## sort imports and lay out the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: setup ## measure speed and memory (NAME=intake for one of them)
	@set -e; for name in $(NAME); do $(BIN)/tresen bench $$name $(ARGS); done

vendor: setup ## fetch the pinned front-end packages again
	@$(BIN)/python tools/vendor.py

shots: setup ## pictures of every screen of the demo, into shots/
	@sh tools/apt.sh $(BROWSER)
	@$(BIN)/python tools/shots.py

messages: setup ## compile the translations

messages-update: setup ## bring new texts into the translation files
	@$(BIN)/python tools/translations.py update

pristine: ## run TARGETS="setup test" in a fresh Debian 12 of its own (root, debootstrap)
	@sh tools/pristine.sh $(TARGETS)

lock: setup ## resolve the dependencies of pyproject.toml anew
	@$(BIN)/pip-compile --quiet --extra=dev --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --output-file=requirements.lock pyproject.toml
