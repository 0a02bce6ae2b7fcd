#!/usr/bin/env bash
# Everything a change must pass: format, a build without warnings, all tests. With --asan the tests
# once more under the address and undefined-behaviour sanitizers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

presets=(ci)
case "${1:-}" in
  "") ;;
  --asan) presets+=(asan) ;;
  *) echo "usage: scripts/test.sh [--asan]" >&2; exit 2 ;;
esac

scripts/install_deps.sh --dev
scripts/format.sh --check
for preset in "${presets[@]}"; do
  echo "== $preset"
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset"
  ctest --preset "$preset" --output-on-failure
done
