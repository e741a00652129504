#!/usr/bin/env bash
# Installs the C library that was built into a folder, with what finds it:
#
#   scripts/c/install.sh BUILT PREFIX
#
# BUILT is `target/dist` or `target/debug`. DESTDIR is put before every path, for packages.
# The result can be moved as a whole: nothing in it names PREFIX.
set -euo pipefail
cd "$(dirname "$0")/../.."

built=$1 root=${DESTDIR:-}$2
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
url=$(sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml | head -1)
case $version in
  0.*) soversion=${version%.*} ;;
  *) soversion=${version%%.*} ;;
esac
shared=$built/libalwrity_metering.so
named=$(readelf -d "$shared" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
[[ $named == "libalwrity_metering.so.$soversion" ]] || {
  printf 'error: the soname of `%s` is `%s`\nhint: build it anew\n' "$shared" "$named" >&2
  exit 1
}

fill() {
  sed -e "s|@VERSION@|$version|g" -e "s|@SOVERSION@|$soversion|g" -e "s|@URL@|$url|g" \
    "bindings/c/install/$1.in" >"$root/$2/$1"
}

# A static library keeps no name to itself: its SQLite would meet the caller's own. All objects
# become one, in which every name but `alwm_…` is local.
install_static() {
  local folder
  folder=$(mktemp -d)
  ld -r -o "$folder/alwrity_metering.o" --whole-archive "$built/libalwrity_metering.a"
  # The compiler's own notes for a later optimisation are of no use outside, and confuse `ar`.
  objcopy --wildcard --keep-global-symbol 'alwm_*' --remove-section .llvmbc \
    --remove-section .llvmcmd "$folder/alwrity_metering.o"
  rm -f "$root/lib/libalwrity_metering.a"
  ar rcs "$root/lib/libalwrity_metering.a" "$folder/alwrity_metering.o"
  rm -r "$folder"
}

mkdir -p "$root/include" "$root/lib/pkgconfig" "$root/lib/cmake/alwrity_metering"
install -m 644 include/alwrity_metering.h "$root/include/"
install -m 755 "$shared" "$root/lib/libalwrity_metering.so.$version"
ln -sfn "libalwrity_metering.so.$version" "$root/lib/libalwrity_metering.so.$soversion"
ln -sfn "libalwrity_metering.so.$soversion" "$root/lib/libalwrity_metering.so"
install_static
fill alwrity_metering.pc lib/pkgconfig
fill alwrity_metering-config.cmake lib/cmake/alwrity_metering
fill alwrity_metering-config-version.cmake lib/cmake/alwrity_metering
