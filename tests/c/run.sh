#!/usr/bin/env bash
# Builds the C tests and examples against the library that was built into a folder, and runs them:
#
#   tests/c/run.sh BUILT OUT [check | valgrind | sanitize | bench]
#   tests/c/run.sh BUILT OUT writer PYTHON
#   tests/c/run.sh BUILT OUT fuzz SECONDS SEED
#
# BUILT is `target/` and a profile: `debug`, `release`, `dist`; OUT is a folder for what is made
# here; PYTHON is one that has the wheel.
set -euo pipefail
cd "$(dirname "$0")/../.."

built=$(realpath "$1") out=$2 step=${3:-check}
strict=(-std=c11 -pedantic -Wall -Wextra -Werror -g)
programs=(${PROGRAMS:-input calls reports plans care golden threads forks})
mkdir -p "$out"
out=$(realpath "$out")

say() { printf 'c: %s\n' "$*"; }

# The name that the loader looks for, beside what cargo made.
soname=$(readelf -d "$built/libalwrity_metering.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
ln -sfn "$built/libalwrity_metering.so" "$out/$soname"
ln -sfn "$soname" "$out/libalwrity_metering.so"

# Compiles a program of tests/c; what follows its name are more flags.
compile() {
  local program=$1
  shift
  "${CC:-cc}" "${strict[@]}" "$@" -Iinclude -o "$out/$program" "tests/c/$program.c" \
    tests/c/{frame,edge,work}.c -L"$out" -Wl,-rpath,"$out" -lalwrity_metering -lcmocka \
    -ljansson -pthread
}

# Runs a program, quietly unless it fails.
quietly() {
  "$@" >"$out/log" 2>&1 || {
    cat "$out/log"
    printf 'error: `%s` failed\n' "$*" >&2
    exit 1
  }
}

check_headers() {
  printf '#include "alwrity_metering.h"\n#include "alwrity_metering.h"\n%s\n%s\n' \
    'int main(void) { alwm_text t = ALWM_TEXT("x");' \
    'return alwm_version()[0] == 0 || t.length == 0; }' >"$out/twice.c"
  cp "$out/twice.c" "$out/twice.cpp"
  for language in "cc -std=c11 twice.c" "g++ -std=c++17 twice.cpp"; do
    read -r compiler standard file <<<"$language"
    "$compiler" "$standard" -pedantic -Wall -Wextra -Wconversion -Wundef -Wshadow -Werror \
      -Iinclude -o "$out/twice" "$out/$file" -L"$out" -Wl,-rpath,"$out" -lalwrity_metering
    quietly "$out/twice"
  done
  say "the header can be included twice from C11 and C++17"
}

# Every function of the header is exported, and nothing else is.
check_exports() {
  sed -n 's/^[a-z].*[ *]\(alwm_[a-z0-9_]*\)(.*/\1/p' include/alwrity_metering.h |
    sort >"$out/declared"
  for file in "-D $out/libalwrity_metering.so" "-g $out/prefix/lib/libalwrity_metering.a"; do
    # shellcheck disable=SC2086 # a flag and a file
    nm --defined-only $file | awk 'NF == 3 { print $3 }' | sort >"$out/exported"
    diff "$out/declared" "$out/exported" || {
      printf 'error: `%s` exports other names than the header declares\n' "$file" >&2
      exit 1
    }
  done
  say "$(wc -l <"$out/declared") functions are exported, and nothing else"
}

# Installs into a folder, moves it, and builds the examples by CMake and by one plain line.
check_install() {
  rm -rf "$out/first" "$out/prefix" "$out/cmake" "$out/plain"
  mkdir "$out/plain"
  quietly scripts/c/install.sh "$built" "$out/first"
  mv "$out/first" "$out/prefix"
  quietly cmake -S examples/c -B "$out/cmake" -DCMAKE_PREFIX_PATH="$out/prefix"
  quietly cmake --build "$out/cmake"
  export PKG_CONFIG_PATH="$out/prefix/lib/pkgconfig"
  [[ $(pkg-config --modversion alwrity_metering) == \
    $(sed -n 's/.*ALWM_VERSION "\(.*\)"/\1/p' include/alwrity_metering.h) ]]
  for example in quickstart threads loop; do
    # shellcheck disable=SC2046 # flags
    "${CC:-cc}" "${strict[@]}" -o "$out/plain/$example" "examples/c/$example.c" \
      $(pkg-config --cflags --libs alwrity_metering) -Wl,-rpath,"$out/prefix/lib" -pthread
  done
  local store
  for folder in "$out/cmake" "$out/plain"; do
    store=$(mktemp -d)
    quietly "$folder/quickstart" "$store/quickstart.db"
    quietly "$folder/threads" "$store/threads.db"
    quietly "$folder/loop" "$store/loop.db" </dev/null
    rm -r "$store"
  done
  say "the library is installed, found by CMake and pkg-config, and the examples run"
}

# A C program writes alone; whoever reads the file finds the same totals, and the ledger proves
# them: the command, Python's own SQLite, and the wheel where a Python that has it is given.
check_writer() {
  local store readers="the command and Python's SQLite" python=${1:-}
  store=$(mktemp -d)
  "${CC:-cc}" "${strict[@]}" -Iinclude -o "$out/writer" examples/c/loop.c -L"$out" \
    -Wl,-rpath,"$out" -lalwrity_metering
  awk 'BEGIN { for (n = 0; n < 500; n++) {
    model = n % 2 ? "openai gpt-4o-mini" : "gemini gemini-2.5-pro"
    print "user-" n % 3, model, n * 37, n % 91 } }' |
    "$out/writer" "$store/metering.db" | sort >"$store/c"
  local command=("$built/alwrity-metering" --db "$store/metering.db")
  for user in user-0 user-1 user-2; do
    "${command[@]}" usage "$user" --json | python3 tests/c/totals.py "$user"
  done | sort >"$store/command"
  # The view shows twelve places, JSON trims them.
  sed -i 's/0*$//' "$store/c"
  diff "$store/c" "$store/command"
  python3 tests/c/totals_by_sqlite.py "$store/metering.db" | sort >"$store/sqlite"
  diff "$store/c" "$store/sqlite"
  if [[ $python ]]; then
    "$python" tests/c/totals_by_wheel.py "$store/metering.db" | sort >"$store/wheel"
    diff "$store/c" "$store/wheel"
    readers="the command, Python's SQLite and the wheel"
  fi
  quietly "${command[@]}" verify
  rm -r "$store"
  say "a C program was the only writer: $readers read the same totals, and verify is clean"
}

# Answers as JSON are those of the command.
check_json() {
  local store
  store=$(mktemp -d)
  compile show
  quietly python3 tests/c/same_json.py "$out/show" "$built/alwrity-metering" "$store/metering.db"
  say "as JSON: $(tail -1 "$out/log")"
  rm -r "$store"
}

# Every block of C in the documents is a program that runs.
check_documents() {
  local page number=0 store
  for page in README.md docs/*.md; do
    awk -v out="$out/shown" '/^```c$/ { file = out ++n ".c"; print file; next }
      /^```$/ { file = "" } file { print > file }' "$page" >"$out/shown"
    while read -r file; do
      # shellcheck disable=SC2046 # flags
      "${CC:-cc}" "${strict[@]}" -o "$out/shown-program" "$file" \
        $(pkg-config --cflags --libs alwrity_metering) -Wl,-rpath,"$out/prefix/lib"
      store=$(mktemp -d)
      (cd "$store" && quietly "$out/shown-program")
      rm -r "$store" "$file"
      number=$((number + 1))
    done <"$out/shown"
  done
  ((number > 0))
  say "$number programs of the documents run"
}

check() {
  for program in "${programs[@]}"; do
    compile "$program"
    quietly "$out/$program"
    say "$program: $(sed -n 's/.*\] \([0-9]* test(s)\) run.*/\1/p' "$out/log")"
  done
  check_headers
  check_install
  check_documents
  check_exports
  check_writer
  check_json
}

under_valgrind() {
  local program leaks
  for program in "${programs[@]}"; do
    compile "$program"
    leaks=(--leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite)
    # A forked child forgets what it inherited, on purpose: to free it could block or harm.
    [[ $program == forks ]] && leaks=(--leak-check=no)
    quietly valgrind --quiet --error-exitcode=9 "${leaks[@]}" "$out/$program"
    say "$program: clean under valgrind"
  done
}

sanitized() {
  for program in "${programs[@]}"; do
    compile "$program" -fsanitize=address,undefined -fno-sanitize-recover=all
    quietly "$out/$program"
    say "$program: clean under AddressSanitizer and UBSan"
  done
}

case $step in
  check) check ;;
  valgrind) under_valgrind ;;
  sanitize) sanitized ;;
  writer) check_writer "$4" ;;
  fuzz)
    compile fuzz
    "$out/fuzz" "$4" "$5"
    ;;
  bench) compile bench -O2 ;;
  *)
    printf 'error: there is no step `%s`\n' "$step" >&2
    exit 2
    ;;
esac
