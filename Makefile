# The two commands are `make run` and `make test`; both set up everything they need.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
export DJANGO_SETTINGS_MODULE ?= config.settings
# Compiled modules are kept: without them every process compiles the libraries again.
unexport PYTHONDONTWRITEBYTECODE

SEEDS ?= 1
ONLY ?=
RECIPIENTS ?= 500
PYTEST ?= -q --dist loadgroup

.PHONY: run test check bench faults mutations classify format lock

## run: the whole product on this machine; Ctrl-C stops every process
run: $(VENV)/run.stamp
	@exec $(BIN)/python -m config.supervisor

## test: every test, in parallel
test: $(VENV)/dev.stamp $(VENV)/browser.stamp
	$(BIN)/pytest $(PYTEST) -n 3 -m "not browser"
	$(BIN)/pytest $(PYTEST) -n 2 -m browser $$(grep -rl playwright tests --include='test_*.py')

## check: style, types, layers, templates, migrations, deployment settings
check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet
	sh .ci/check-django

## bench: measurements as JSON lines; NAME=<group> for one group
bench: $(VENV)/dev.stamp
	@exec $(BIN)/python -m bench.run $(NAME)

## faults: kill, stall and disturb a running campaign; JSON lines. ONLY="kill_web flush_redis" for some
faults: $(VENV)/dev.stamp
	@exec $(BIN)/python -m bench.faults --seeds "$(SEEDS)" --recipients "$(RECIPIENTS)" $(if $(ONLY),--only $(ONLY))

## mutations: take locks, keys and rules away from a copy; the tests must fail. NAME=<mutation> for one
mutations: $(VENV)/dev.stamp
	@exec $(BIN)/python -m bench.mutations $(NAME)

## classify: how well replies are read; FILE=replies.tsv with columns text and label
classify: $(VENV)/run.stamp
	@test -n "$(FILE)" || { echo "Say which file: make classify FILE=replies.tsv" >&2; exit 2; }
	@exec $(BIN)/python manage.py classify "$(FILE)"

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## lock: compile the hashed requirements from pyproject.toml
lock: $(VENV)/uv.stamp
	$(BIN)/uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-annotate -q -o requirements/run.txt
	$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-annotate -q -o requirements/dev.txt

# Stamps are redone only when what they depend on changed. A developer's environment serves `make run` too.
$(VENV)/uv.stamp: requirements/bootstrap.txt
	@sh .ci/make-venv $(VENV)
	@touch $@

$(VENV)/run.stamp: $(VENV)/uv.stamp requirements/run.txt
	@if test -e $(VENV)/dev.stamp; then $(MAKE) --no-print-directory $(VENV)/dev.stamp; else \
	  echo "Installing what Truckroll runs on ..."; \
	  sh .ci/install $(VENV) requirements/run.txt; fi
	@touch $@

$(VENV)/dev.stamp: $(VENV)/uv.stamp requirements/dev.txt
	@echo "Installing what Truckroll is tested with ..."
	@sh .ci/install $(VENV) requirements/dev.txt
	@touch $@

$(VENV)/browser.stamp: $(VENV)/uv.stamp
	@sh .ci/find-browser
	@touch $@
