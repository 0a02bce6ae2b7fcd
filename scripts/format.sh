#!/usr/bin/env bash
# Formats the tracked C++ sources in place; with --check only lists those that are not formatted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Versions differ in details: the sources are as 14 (Debian 12) leaves them; no other touches them.
formatter=clang-format-14
command -v "$formatter" >/dev/null || formatter=clang-format
if ! command -v "$formatter" >/dev/null; then
  echo "format.sh: no clang-format; scripts/install_deps.sh --dev installs it" >&2
  exit 1
fi
version=$("$formatter" --version)
if [[ ! "$version" =~ version\ 14\. ]]; then
  if [ "${1:-}" = --check ]; then
    echo "format.sh: left out: needs clang-format 14, here is $version"
    exit 0
  fi
  echo "format.sh: needs clang-format 14 (pip install clang-format==14.0.6), here is $version" >&2
  exit 1
fi
shopt -s lastpipe  # mapfile runs in this shell; <( ) would want /proc
git ls-files -z '*.cpp' '*.h' | mapfile -d '' sources

case "${1:-}" in
  "")
    "$formatter" -i "${sources[@]}"
    ;;
  --check)
    unformatted=0
    for source in "${sources[@]}"; do
      if ! "$formatter" "$source" | cmp -s "$source" -; then
        echo "format.sh: not formatted: $source" >&2
        unformatted=$((unformatted + 1))
      fi
    done
    if [ "$unformatted" -ne 0 ]; then
      echo "format.sh: $unformatted of ${#sources[@]} files; scripts/format.sh formats them" >&2
      exit 1
    fi
    echo "format.sh: ${#sources[@]} files are formatted"
    ;;
  *)
    echo "usage: scripts/format.sh [--check]" >&2
    exit 2
    ;;
esac
