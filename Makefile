# Every action by name. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
# Test files run side by side; each worker has servers of its own.
TEST_WORKERS ?= 2
# What serves gRPC in a test run (and in demo and up): grpcio or pygrpc-native. The kit's own tests run on both.
ENGINE ?=
ifneq ($(ENGINE),)
export LUMBUNG_CATALOG_SERVER_ENGINE := $(ENGINE)
export LUMBUNG_STOCK_SERVER_ENGINE := $(ENGINE)
export LUMBUNG_FULFILLMENT_SERVER_ENGINE := $(ENGINE)
export LUMBUNG_CHANNEL_SYNC_SERVER_ENGINE := $(ENGINE)
endif
BUDGET_S ?= 1
CART ?= 1
UV := .tools/uv/bin/uv
BIN := .venv/bin
export UV_CACHE_DIR ?= $(CURDIR)/.cache/uv
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
# Trust what the machine trusts, so that it installs behind a company's proxy too.
export UV_SYSTEM_CERTS := true
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

PROTOS := $(shell find proto/lumbung -name '*.proto')
PLANNER := $(wildcard services/fulfillment/src/lumbung_fulfillment/domain/*.py services/fulfillment/src/lumbung_fulfillment/domain/planner/*.py)
PYPROJECTS := pyproject.toml $(wildcard proto/pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml dev/pyproject.toml bench/pyproject.toml)

.PHONY: help setup proto demo day up bench plan-waves draw-wave chaos drill test collect model simulate guards mutants check fmt lint types imports buf-lint squawk clean

help: ## list the actions
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  %-10s %s\n", $$1, $$2}'

$(UV): tools/bootstrap.py
	@$(PYTHON) tools/bootstrap.py .tools/uv

.venv/.synced: $(UV) uv.lock $(PYPROJECTS)
	@echo "Installing Lumbung into $(CURDIR)/.venv (first time: about a minute)"
	@$(UV) sync --quiet --frozen --all-packages --python $(PYTHON)
	@touch $@

proto/.generated: .venv/.synced $(PROTOS) tools/generate_stubs.py
	@$(BIN)/python tools/generate_stubs.py
	@touch $@

# The planner's machine code, so that nobody waits for its compiler while orders do.
.venv/.compiled: .venv/.synced $(PLANNER)
	@echo "Compiling the planner of waves (about a minute)"
	@$(BIN)/python -m lumbung_fulfillment.domain.planner.warm
	@touch $@

setup: .venv/.synced proto/.generated .venv/.compiled ## install everything into this folder

proto: proto/.generated ## generate the stubs from proto/ with the locked tools

demo: setup ## the main job: a flash sale on three channels becomes parcels, then everything stops
	@$(BIN)/lumbung demo $(ARGS)

day: setup ## a day in the warehouse, faster than it passes, against the real services, and beside first come, first served (ARGS="--orders 3000 --seed 7")
	@$(BIN)/lumbung day $(ARGS)

up: setup ## the same system, left running until Ctrl-C
	@$(BIN)/lumbung up $(ARGS)

bench: setup ## how fast reservations are, beside what else one could have built (ARGS=--quick: a rough look)
	@GRPC_VERBOSITY=ERROR $(BIN)/lumbung-bench $(ARGS)

test: setup ## every test, on a real Valkey and PostgreSQL that the run starts itself
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile $(ARGS)

plan-waves: setup ## the waves of a pickwave/1 file (IN=instance.json OUT=plan.json BUDGET_S=1)
	@$(BIN)/python -m lumbung_dev.waves plan-waves "$(IN)" "$(OUT)" --budget-s "$(BUDGET_S)" $(ARGS)

draw-wave: setup ## a picture of one cart's walk (IN=instance.json PLAN=plan.json OUT=wave.svg CART=1)
	@$(BIN)/python -m lumbung_dev.waves draw-wave "$(IN)" "$(PLAN)" "$(OUT)" --cart "$(CART)" $(ARGS)

chaos: setup ## every fault of the matrix under load, by a seed, and a checker that believes only the clients (ARGS="--seed N --minutes 5 --runs 10")
	@$(BIN)/lumbung chaos $(ARGS)

drill: setup ## a sale loses Valkey's data: what was promised, what happened, how long it took (ARGS="--lang id --loss kill")
	@$(BIN)/lumbung drill $(ARGS)

model: setup ## search the flash sale's protocol exhaustively, and every known trap
	@$(BIN)/lumbung model $(ARGS)

simulate: setup ## thousands of seeded schedules of the sale's protocol, with everything going wrong
	@$(BIN)/lumbung simulate $(ARGS)

guards: setup ## take each guard of the promises away in a copy, and see whether its test notices
	@$(BIN)/python tools/guards.py $(ARGS)

mutants: setup ## change the allocator's core in a thousand small ways, and see whether a test notices
	@$(UV) sync --quiet --frozen --all-packages --inexact --group mutants --python $(PYTHON)
	@$(BIN)/python tools/mutants.py $(ARGS)

check: setup lint types imports buf-lint squawk collect ## linter, strict types, import contracts, contracts' lint, migrations' lint, every test can be loaded

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup
	@$(BIN)/python tools/check_types.py

imports: setup
	@$(BIN)/lint-imports

buf-lint: setup
	@$(BIN)/buf lint

squawk: setup
	@$(BIN)/squawk --config .squawk.toml libs/kit/migrations/*.sql services/*/migrations/*.sql

# One test file imports helpers of another: a name that moved is seen here in seconds, not at the end of a run.
collect: setup
	@$(BIN)/python -m pytest --collect-only -qq -m "" >/dev/null || { $(BIN)/python -m pytest --collect-only -qq -m "" | tail -40; exit 1; }

fmt: setup ## format and fix what a machine can fix
	@$(BIN)/ruff check --fix-only . ; $(BIN)/ruff format .

clean: ## remove what was installed and generated
	rm -rf .venv .tools .cache .lumbung proto/.generated
	find proto -name '*_pb2*' -delete
