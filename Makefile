# NovaCore: every command a person or a machine needs. `make` alone lists them.

# The interpreter: python3 where it is new enough, else the newest of the named ones.
# Choose another one with `make test PYTHON=python3.13`.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v "$$name"; break; }; done)

# The task as it was typed: make would else read a `$` in it as a variable of its own.
override TASK := $(value TASK)
export TASK

BOOTSTRAP = $(if $(PYTHON),"$(PYTHON)" tools/bootstrap.py,@echo \
	"NovaCore needs Python 3.11 or newer, and found none: install it, or name it with make PYTHON=/path/to/python3" >&2; false)
IN_VENV = PATH="$(CURDIR)/.venv/bin:$$PATH"
VENV_PYTHON = .venv/bin/python

.DEFAULT_GOAL := help
.SILENT:
.PHONY: help run demo test test-fast check fix web client bench bench-recall bench-gateway bench-load train-recall storm docs reference floor lock clean

help: ## List these commands
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-13s %s\n", $$1, $$2 }'

run: ## Serve NovaCore on http://127.0.0.1:8080; TASK="…" runs one task in the terminal and exits
	$(BOOTSTRAP) local
	if [ -z "$$TASK" ]; then $(VENV_PYTHON) tools/web.py build; fi
	.venv/bin/nova model install --if-needed
	if [ -n "$$TASK" ]; then exec .venv/bin/nova run -t "$$TASK"; else exec .venv/bin/nova serve; fi

demo: ## Serve NovaCore with a demonstration's data, in a directory of its own
	$(BOOTSTRAP) local
	$(VENV_PYTHON) tools/web.py build
	.venv/bin/nova model install --if-needed
	exec .venv/bin/nova demo

test: ## Run every check and every test, with coverage
	$(BOOTSTRAP) dev
	$(IN_VENV) $(VENV_PYTHON) tools/run_tests.py

test-fast: ## Run the house, unit and contract tests (under a minute)
	$(BOOTSTRAP) dev
	$(IN_VENV) $(VENV_PYTHON) tools/run_tests.py --fast

check: ## Run the linters, the type checker and the tidy tests
	$(BOOTSTRAP) dev
	$(IN_VENV) $(VENV_PYTHON) tools/run_tests.py --only checks --only house

fix: ## Format the code and mend what the linter can mend
	$(BOOTSTRAP) dev
	$(IN_VENV) ruff check --fix --quiet
	$(IN_VENV) ruff format --quiet

web: ## Build the web app, where something in web/ changed
	$(BOOTSTRAP) local
	$(VENV_PYTHON) tools/web.py build

client: ## Write the web app's client anew from the server's routes
	$(BOOTSTRAP) dev
	$(IN_VENV) $(VENV_PYTHON) tools/web.py client

bench: ## Measure against the peers, side by side, and print the table
	$(BOOTSTRAP) bench --into .venv-bench
	PATH="$(CURDIR)/.venv-bench/bin:$$PATH" .venv-bench/bin/python -m benchmarks

bench-recall: ## Measure how well recall finds what was said; DATA=file.json names the questions
	$(BOOTSTRAP) bench --into .venv-bench
	PATH="$(CURDIR)/.venv-bench/bin:$$PATH" .venv-bench/bin/python -m benchmarks.recall \
		$(if $(DATA),--data "$(DATA)")

bench-gateway: ## Measure the model API beside LiteLLM's proxy, in alternating rounds
	$(BOOTSTRAP) dev
	$(BOOTSTRAP) bench-gateway --into .venv-bench-gateway
	$(IN_VENV) $(VENV_PYTHON) -m benchmarks.gateway

bench-load: ## Measure 50 and 100 people at once in full chat turns, and kill the server in mid-load
	$(BOOTSTRAP) dev
	$(IN_VENV) $(VENV_PYTHON) -m benchmarks.load
	$(IN_VENV) $(VENV_PYTHON) -m benchmarks.load.kills

train-recall: ## Train the weights of recall anew from the conversations in training/
	$(BOOTSTRAP) dev
	$(IN_VENV) $(VENV_PYTHON) tools/train_recall.py

storm: ## Kill writers 1,000 times and look for lost entries
	$(BOOTSTRAP) dev
	$(VENV_PYTHON) -m tests.storm --kills 1000

docs: ## Build the documentation into site/, strict about links
	$(BOOTSTRAP) dev
	$(IN_VENV) $(VENV_PYTHON) tools/build_docs.py

reference: ## Write the generated reference pages anew
	$(BOOTSTRAP) dev
	$(IN_VENV) $(VENV_PYTHON) tools/generate_reference.py

floor: ## Raise the coverage floor of each room to what the last `make test` measured
	$(IN_VENV) $(VENV_PYTHON) tools/coverage_floor.py --raise

lock: ## Resolve the newest releases of all requirements, with hashes
	$(BOOTSTRAP) lock --into .venv-lock
	.venv-lock/bin/python tools/lock.py

clean: ## Remove everything that was built here; your data directory stays
	rm -rf .venv .venv.lock .venv-* build dist site .cache .coverage .coverage.* \
		web/node_modules src/novacore/web_dist \
		.pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
