# What takes longer than `make test` may: included by the Makefile. The last figures of each stand
# in docs/reliability.md. Seconds and sizes come from variables: `make soak DURATION_S=3600`.

.PHONY: soak fuzz fuzz-ingest sanitize bench-growth

# Sanitizers need the compiler's own unstable switch.
NIGHTLY ?= cargo +nightly
HOST := $(shell rustc -vV | sed -n 's/^host: //p')

soak: ## Four processes, all verbs, random kills, 5 minutes (DURATION_S, PROCESSES, LIMIT)
	$(CARGO) run --release --example soak
	$(MAKE) soak-http

fuzz: ## Bend amounts, times, catalogues and SQL, 1 minute (DURATION_S, SEED)
	$(CARGO) run --release --example fuzz

fuzz-ingest: ## Give arbitrary bytes to what reads answers, 5 minutes (SECONDS_MAX)
	scripts/fuzz.sh $(or $(SECONDS_MAX),300)

bench-growth: ## 10 million calls in one file (CALLS, USERS, FOLDER)
	$(CARGO) run --release --example growth

sanitize: ## The storage tests under AddressSanitizer and ThreadSanitizer (needs nightly Rust)
	RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/address ASAN_OPTIONS=detect_leaks=0 \
		$(NIGHTLY) test --target $(HOST) --lib --test it --test faults \
		-- syscalls sqlite busy replaced queued processes fork injected::each_call
	RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR=target/thread \
		TSAN_OPTIONS="suppressions=$(CURDIR)/tests/long/tsan.txt" \
		$(NIGHTLY) test -Zbuild-std --target $(HOST) --lib --test it \
		-- syscalls sqlite busy queued
