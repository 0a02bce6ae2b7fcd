#!/usr/bin/env bash
# From a fresh clone to a trained classifier: installs, builds, trains a small Swin Transformer on
# Fashion-MNIST, tests it and classifies a few images. Run again, it skips what is done and goes on
# where it was stopped.
set -euo pipefail
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'EOF'
usage: scripts/quickstart.sh [--out DIR] [--set KEY=VALUE]...
  --out DIR        folder of the run (runs/quickstart)
  --set KEY=VALUE  change the configuration: --set train.max_steps=20
PRESET names another CMake preset than release to build by.
EOF
}
bad_usage() {
  echo "quickstart.sh: $1" >&2
  usage >&2
  exit 2
}

config=configs/fashion_mnist_quickstart.yaml
run=runs/quickstart
overrides=()
while [ $# -gt 0 ]; do
  case "$1" in
    --out | --set)
      [ $# -ge 2 ] || bad_usage "$1 needs a value"
      if [ "$1" = --set ]; then
        overrides+=(--set "$2")
      else
        case "$2" in /*) run=$2 ;; *) run=$caller/$2 ;; esac
      fi
      shift 2
      ;;
    -h | --help) usage; exit 0 ;;
    *) bad_usage "unknown argument $1" ;;
  esac
done

step() { printf '\n== %s\n' "$1"; }

step "Packages"
scripts/install_deps.sh --data

step "Build"
preset=${PRESET:-release}
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target tessera
tessera=build/$preset/tessera

step "Train into $run"
if [ -e "$run/config.yaml" ]; then
  "$tessera" train --resume "$run" ${overrides[@]+"${overrides[@]}"}  # nothing is left if done
else
  "$tessera" train "$config" --out "$run" ${overrides[@]+"${overrides[@]}"}
fi

step "Test the best checkpoint"
"$tessera" eval "$run"

step "Classify test images"
samples=$run/samples
if ! compgen -G "$samples/*.png" >/dev/null; then
  "$tessera" data sample "$run/config.yaml" --out "$samples" --count 6
fi
"$tessera" predict "$run" "$samples"/*.png

best=$(sed -n 's/.*"best": "\(.*\)".*/\1/p' "$run/checkpoints/checkpoints.json")
cat <<EOF

The run:     $run  (config.yaml, metrics.jsonl, train.log)
The model:   $run/checkpoints/$best/model.safetensors
The images:  $samples
The program: $tessera --help
EOF
