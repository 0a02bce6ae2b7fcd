#!/usr/bin/env bash
# Cross-compiles for 64-bit ARM with Debian's compiler and runs tests under qemu-user: no ARM machine is
# needed, only patience. Packages of arm64 are unpacked into a folder, nothing of the system changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'EOF'
usage: scripts/test_arm64.sh [SUITE...]
  SUITE   core, layers, optim, formats, ... (those four)
Its folder is build/arm64. Needs Debian's mmdebstrap, g++-aarch64-linux-gnu and qemu-user-static.
EOF
}
case "${1:-}" in -h | --help) usage; exit 0 ;; esac
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(core layers optim formats)

for tool in mmdebstrap aarch64-linux-gnu-g++ qemu-aarch64-static; do
  command -v "$tool" >/dev/null && continue
  echo "test_arm64.sh: no $tool: apt-get install mmdebstrap g++-aarch64-linux-gnu qemu-user-static" >&2
  exit 1
done

export SYSROOT=$PWD/build/arm64/root
if [ ! -e "$SYSROOT/usr/include/dnnl.hpp" ]; then
  rm -rf "$SYSROOT"
  mkdir -p build/arm64
  packages=libc6-dev,libstdc++-12-dev,libgcc-12-dev,libgomp1
  packages+=,libdnnl-dev,ocl-icd-opencl-dev,libyaml-cpp-dev,libstb-dev,libjpeg62-turbo-dev,libspng-dev
  packages+=,libwebp-dev,libpugixml-dev,libcli11-dev,nlohmann-json3-dev,libfmt-dev,zlib1g-dev
  packages+=,librandom123-dev,libprotozero-dev,doctest-dev
  mmdebstrap --variant=extract --architectures=arm64 --include="$packages" bookworm "$SYSROOT"
  rm -rf "${SYSROOT:?}/dev"  # devices are this machine's
fi

cmake -S . -B build/arm64 -G Ninja -DCMAKE_BUILD_TYPE=Release -DTESSERA_WERROR=ON -DTESSERA_MPI=OFF \
  -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/arm64.cmake" >/dev/null
cmake --build build/arm64 --target tessera "${suites[@]/%/_tests}"
qemu-aarch64-static -L "$SYSROOT" build/arm64/tessera --version
names=$(IFS='|'; echo "${suites[*]}")
ctest --test-dir build/arm64 --tests-regex "^($names)\$" --output-on-failure
