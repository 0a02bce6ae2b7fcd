#!/usr/bin/env bash
# Builds the fuzzers of tests/fuzz and runs each for a while; what they find goes to build/fuzz/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'EOF'
usage: scripts/fuzz.sh [SECONDS] [TARGET...]
  SECONDS  for each target (180)
  TARGET   image, idx, cifar, table, tar, annotations, safetensors, torch_file, pickle,
           yaml, record (all)
EOF
}

seconds=180
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  [0-9]*) seconds=$1; shift ;;
esac
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(image idx cifar table tar annotations safetensors torch_file pickle yaml
                                record)

runtime='/usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-*'
if ! command -v clang++-14 >/dev/null || ! compgen -G "$runtime" >/dev/null; then
  echo "fuzz.sh: needs clang with libFuzzer: apt-get install clang-14 libclang-rt-14-dev" >&2
  exit 1
fi

build=${TESSERA_FUZZ_BUILD:-build/fuzz}
cmake -S tests/fuzz -B "$build" -G Ninja -DCMAKE_CXX_COMPILER=clang++-14 >/dev/null
cmake --build "$build" --parallel 2
for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  mkdir -p "$build/corpus/$target"
  nice "$build/fuzz_$target" -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=2048 \
    -timeout=20 -print_final_stats=1 -artifact_prefix="$build/$target-" \
    "$build/corpus/$target" "tests/fuzz/seeds/$target"
done
echo "fuzz.sh: nothing found"
