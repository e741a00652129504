#!/usr/bin/env bash
# Installs what `make lint`, `make test` and `make demo` need, and checks that it is there.
# It can be repeated: what is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

# Installs Debian packages, as root only.
install_packages() {
  local packages="$*"
  [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null ||
    fail "\`$packages\` is missing" "install it with your package manager, then run \`make setup\`"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" >/dev/null ||
    fail "apt-get could not install \`$packages\`" "look at its output above; is there a network?"
}

has() { command -v "$1" >/dev/null; }

has cargo || fail "there is no Rust toolchain" "install one from https://rustup.rs"
cargo fmt --version >/dev/null 2>&1 || fail "rustfmt is missing" "rustup component add rustfmt"
cargo clippy --version >/dev/null 2>&1 || fail "clippy is missing" "rustup component add clippy"
has cc || install_packages gcc libc6-dev
has python3 || install_packages python3 python3-venv
# The shell that people look into a store with; `make demo` shows it.
has sqlite3 || install_packages sqlite3
# What the C library is tested with: the compilers of its callers, and what looks for leaks.
has g++ || install_packages g++
has cmake && has make || install_packages cmake make
has valgrind || install_packages valgrind
has pkg-config || install_packages pkg-config
printf '#include <jansson.h>\n#include <stdarg.h>\n#include <setjmp.h>\n#include <cmocka.h>\n' |
  cc -E -x c - >/dev/null 2>&1 || install_packages libcmocka-dev libjansson-dev

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "python3 is older than 3.11" "put a newer python3 first in PATH"
python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
[[ -x .venv/bin/python ]] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt ||
  fail "pip could not install scripts/requirements.txt" \
    "it needs the Python package index; set PIP_INDEX_URL for a mirror"
touch .venv/is_set_up
