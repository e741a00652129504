#!/usr/bin/env bash
# Builds the wheel, installs it into a clean environment for every CPython from 3.10 on that is
# found, and tests it there; reads with it what a C program wrote; checks its types; builds one from
# the source distribution.
#
#     scripts/test_wheel.sh [TARGET_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m "${1:-target}")
built="$target/wheels"
maturin=$PWD/.venv/bin/maturin
export CARGO_TARGET_DIR="$target"
# Checks of debug builds stay on; the code is nearer in size to what users get.
export CARGO_PROFILE_DEV_OPT_LEVEL=1
# So that nothing but what is installed is imported.
export PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# The interpreters that run, each version once: in PATH, or kept by pyenv.
interpreters() {
  local version name
  for version in 10 11 12 13 14 15; do
    for name in "python3.$version" ~/.pyenv/versions/3."$version".*/bin/python3 none; do
      if "$name" -c 'import sys; sys.exit(sys.implementation.name != "cpython")' 2>/dev/null; then
        printf '3.%s %s\n' "$version" "$name"
        break
      fi
    done
    [[ $name != none ]] || printf 'no 3.%s here\n' "$version" >&2
  done
}

# Makes a new environment with the wheel and what its tests need.
environment() {
  local folder="$1" python="$2"
  rm -rf "$folder"
  "$python" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r scripts/requirements-wheel.txt "$wheel"
}

rm -rf "$built"
say "the wheel"
"$maturin" build --quiet --profile dev --out "$built"
wheel=$(echo "$built"/*.whl)

found=()
while read -r version python; do
  say "tests of the wheel with CPython $version"
  environment "$target/wheel-$version" "$python"
  ALWRITY_METERING_WHEEL="$wheel" "$target/wheel-$version/bin/python" -m pytest -q tests/python \
    --ignore tests/python/http
  found+=("$version")
done < <(interpreters 2>"$target/skipped")
skipped=$(wc -l <"$target/skipped")
[[ ${#found[@]} -gt 0 ]] || { echo "error: there is no CPython from 3.10 on" >&2; exit 1; }

folder="$target/wheel-${found[-1]}"
sdks=tests/python/httpx_transport
# Made of httpx2, and the generation before, made of httpx.
for generation in requirements-before requirements; do
  say "tests with the SDKs of $sdks/$generation.txt, CPython ${found[-1]}"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$sdks/$generation.txt"
  "$folder/bin/python" -m pytest -q "$sdks"
done

say "tests of the FastAPI part with CPython ${found[-1]}"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
  -r tests/python/http/requirements.txt
"$folder/bin/python" -m pytest -q tests/python/http

say "a store that a C program wrote"
"${CARGO:-cargo}" build --quiet --package alwrity-metering-c --package alwrity-metering-cli
tests/c/run.sh "$target/debug" "$target/c" writer "$folder/bin/python"

say "types of the wheel"
"$folder/bin/python" -m mypy --strict --package alwrity_metering
"$folder/bin/python" -m mypy --strict --exclude tests/python/http tests/python
"$folder/bin/python" -m mypy.stubtest alwrity_metering._native

say "a wheel from the source distribution"
"$maturin" sdist --out "$built"
MATURIN_PEP517_ARGS="--profile dev" PATH="$PWD/.venv/bin:$PATH" \
  .venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps \
  --no-build-isolation --wheel-dir "$built/from-source" "$built"/*.tar.gz
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --force-reinstall \
  --no-deps "$built"/from-source/*.whl
"$folder/bin/python" -c 'import alwrity_metering as am; am.estimate_tokens("it works")'

say "the wheel holds on ${found[*]}; $skipped other versions are not here"
