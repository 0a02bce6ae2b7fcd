#!/usr/bin/env bash
# Copies what a study found into docs/studies/NAME, where it is kept: tables, report, picture, the
# study's file. Its runs stay where they are.
set -euo pipefail

usage() {
  echo "usage: scripts/keep_study.sh FOLDER STUDY.yaml   (TESSERA=build/release/tessera)" >&2
  exit 2
}
[ $# -eq 2 ] && [ -f "$1/results.json" ] && [ -f "$2" ] || usage

root=$(dirname "${BASH_SOURCE[0]}")/..
tessera=${TESSERA:-$root/build/release/tessera}
kept=$root/docs/studies/$(basename "$2" .yaml)
mkdir -p "$kept"
"$tessera" report "$1" --out "$kept/report.html" >/dev/null
"$tessera" report "$1" --svg "$kept/results.svg" >/dev/null
cp "$1"/results.{md,csv,json} "$1/timing.csv" "$2" "$kept"

limit=$((1000 * 1000))
size=$(stat --format=%s "$kept/report.html")
if [ "$size" -gt "$limit" ]; then
  echo "keep_study.sh: $kept/report.html has $size bytes, more than $limit" >&2
  exit 1
fi
du -bsh "$kept"
