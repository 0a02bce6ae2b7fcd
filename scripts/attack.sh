#!/usr/bin/env bash
# Attacks a training from outside: kills and failing system calls at every point at which it changes
# a file, kills at random moments, damaged files, closed and full descriptors, signals. After each a
# run must go on and end with the same bytes, or refuse in one line. Exit code 1 if one did not.
#   scripts/attack.sh quick    within three minutes: a random choice, the same each time
#   scripts/attack.sh full     every point; with SECONDS behind it as many as there is time for
#   scripts/attack.sh joined   a study of twelve cells by 1, 2 and 4 processes that have joined it, one
#                              of them killed three times: results.csv must have the same bytes
# TESSERA names the program; without it that of the release preset.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=${1:-quick}
program=${TESSERA:-$PWD/build/release/tessera}
case $mode in
  quick) budget=170 ;;
  full) budget=${2:-1000000} ;;
  joined) budget=0 ;;
  *) echo "usage: scripts/attack.sh [quick|full [SECONDS]|joined]" >&2; exit 2 ;;
esac
command -v python3 >/dev/null || { echo "left out: the attacks need python3"; exit 0; }
[ -x "$program" ] || { echo "$program: no such program; build it, or set TESSERA" >&2; exit 2; }
if [ "$mode" = joined ]; then exec python3 tests/attack/joined.py --program "$program"; fi
exec python3 tests/attack/attack.py --mode "$mode" --budget "$budget" --program "$program"
