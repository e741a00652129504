# The C library: its tests, what takes longer, and its installation. Included by the Makefile.

.PHONY: test-c build-c install sanitize-c fuzz-c bench-c

C_OUT := $(TARGET)/c
PREFIX ?= /usr/local

test: test-c
sanitize: sanitize-c
fuzz: fuzz-c
bench: bench-c

build-c:
	$(CARGO) build --package alwrity-metering-c --package alwrity-metering-cli

test-c: setup build-c ## Run the C tests and examples, and again under valgrind
	tests/c/run.sh $(TARGET)/debug $(C_OUT) check
	tests/c/run.sh $(TARGET)/debug $(C_OUT) valgrind

sanitize-c: setup build-c
	tests/c/run.sh $(TARGET)/debug $(C_OUT) sanitize

fuzz-c: setup
	$(CARGO) build --release --package alwrity-metering-c
	tests/c/run.sh $(TARGET)/release $(C_OUT) fuzz $(or $(DURATION_S),60) \
		$(or $(SEED),$(shell date +%s))

bench-c: setup
	$(CARGO) build --profile dist --package alwrity-metering-c
	tests/c/run.sh $(TARGET)/dist $(C_OUT) bench
	C_BENCH=$(abspath $(C_OUT))/bench $(CARGO) bench --package alwrity-metering-c --bench c

install: ## Install the C library, its header, pkg-config and CMake files (PREFIX, DESTDIR)
	$(CARGO) build --profile dist --package alwrity-metering-c
	scripts/c/install.sh $(TARGET)/dist $(PREFIX)
