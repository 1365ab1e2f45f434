# Ampdesk: `make help` lists what can be done here.
# Nothing but make and Python 3.11 or later with its venv module is assumed.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	&& echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
# More than there are cores: for a quarter of their time tests wait for programs and browsers.
TEST_PROCESSES ?= 6
PYTEST_ARGS ?=
MINUTES ?= 30
FAULTS ?=
# Tests start hundreds of programs: what Python has compiled is kept, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-landing test-all faults soak check format bench docs texts clean dev browser

help: ## Show this list
	@echo "Ampdesk. What make can do here:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | \
		while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

run: $(VENV)/.installed ## Start everything on this computer (Ctrl-C stops it)
	@$(BIN)/python -m deploy.run

# As it runs: a dot per test and how far it is; at its end: what was skipped, and why.
# A room is one process's, with all that its tests share; tests/conftest.py says which come first.
PYTEST := $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder \
	--durations 25

# Which test is in which of the three: docs/adr/tests-in-three-tiers.md
test: dev browser ## Run the tests before a commit (PYTEST_ARGS="-k receipt" picks some)
	@echo "Left out: tests marked landing (make test-landing) or nightly (make test-all)," \
		"rules of the house (make check)."
	@$(PYTEST) -m "not landing and not nightly" --ignore tests/house $(PYTEST_ARGS)

test-landing: dev browser ## Run those that a change has to pass before it is taken
	@echo "Left out: tests marked nightly (make test-all), rules of the house (make check)."
	@$(PYTEST) -m "not nightly" --ignore tests/house $(PYTEST_ARGS)

test-all: dev browser ## Run every test
	@TESTS_BY_NIGHT=1 $(PYTEST) $(PYTEST_ARGS)

faults: dev ## Have everything go wrong once on two nodes under load (FAULTS="--only Redis --seed 7")
	@$(BIN)/python -m tests.faults.soak $(FAULTS)

soak: dev ## Have anything go wrong for so long: MINUTES=30 (prints the seed to repeat it by)
	@$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) $(FAULTS)

check: dev ## Check format, lint, types and the rules of the house
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy & types=$$!; \
		$(BIN)/python -m pytest -q tests/house; rules=$$?; \
		wait $$types && exit $$rules

format: dev ## Format the code and mend what the linter can mend
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

bench: dev ## Measure against a floor and a baseline (20 minutes; BENCH_QUICK=1: a few)
	@$(BIN)/python -m bench

docs: dev ## Write docs/ocpp.md, docs/house.md and the tables of README and docs/{api,money,webhooks}.md from the code
	@$(BIN)/python docs/ocpp_table.py
	@$(BIN)/python docs/money_tables.py
	@$(BIN)/python docs/webhook_tables.py
	@$(BIN)/python docs/problem_table.py
	@$(BIN)/python docs/settings_table.py
	@$(BIN)/python docs/house_map.py

texts: dev ## Collect the texts of desk and receipts, name those without a translation, compile
	@PYTHONPATH=. $(BIN)/python docs/texts.py

clean: ## Remove the environment and caches; the data in var/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

dev: $(VENV)/.installed-dev

# By the computer's own Python: `make -j2 dev browser` installs both side by side.
browser:
	@$(PYTHON) -m deploy.browser

# A stamp is newer than its list of packages once they are installed, so a second start skips pip.
$(VENV)/.installed: requirements.txt deploy/install.py deploy/requirements-install.txt
	@test -n "$(PYTHON)" || { echo "Ampdesk needs Python 3.11 or later; none was found." >&2; exit 2; }
	@$(PYTHON) deploy/install.py $(VENV) requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt deploy/requirements-watch.txt requirements.txt deploy/install.py
	@test -n "$(PYTHON)" || { echo "Ampdesk needs Python 3.11 or later; none was found." >&2; exit 2; }
	@$(PYTHON) deploy/install.py $(VENV) requirements-dev.txt
	@touch $(VENV)/.installed $@
