#!/usr/bin/env bash
# Attacks a training from outside: kills and failing system calls at every point at which it changes
# a file, kills at random moments, damaged files, closed and full descriptors, signals. After each a
# run must go on and end with the same bytes, or refuse in one line. Exit code 1 if one did not.
#   scripts/attack.sh quick    within three minutes: every fifth point (or so), fewer of the rest
#   scripts/attack.sh full     every point
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=${1:-quick}
program=${TESSERA:-$PWD/build/release/tessera}
case $mode in
  quick) budget=170 ;;
  full) budget=1000000 ;;
  *) echo "usage: scripts/attack.sh [quick|full]" >&2; exit 2 ;;
esac
[ -x "$program" ] || { echo "$program: no such program; build it, or set TESSERA" >&2; exit 2; }
exec python3 tests/attack/attack.py --mode "$mode" --budget "$budget" --program "$program"
