#!/usr/bin/env bash
# Installs the Debian packages that are missing for building Tessera; does nothing if none is.
# docs/dependencies.md says what each is for.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: scripts/install_deps.sh [--dev] [--data]
  --dev   also the tools for working on the code: git, clang-format, clang-tidy, python3-onnx,
          chromium, qemu-user
  --data  also the Fashion-MNIST data set
EOF
}

# Ubuntu has another name for one, and Chromium as a snap alone.
jpeg=libjpeg62-turbo-dev
browser=(chromium)
if grep -qs '^ID=ubuntu' /etc/os-release; then
  jpeg=libjpeg-turbo8-dev
  browser=()
fi

packages=(
  g++ cmake ninja-build
  libdnnl-dev ocl-icd-opencl-dev libyaml-cpp-dev libstb-dev "$jpeg" libspng-dev libwebp-dev libpugixml-dev
  libcli11-dev nlohmann-json3-dev
  libopenmpi-dev openmpi-bin
  libfmt-dev zlib1g-dev librandom123-dev libprotozero-dev doctest-dev
)
for argument in "$@"; do
  case "$argument" in
    --dev) packages+=(git clang-format clang-tidy python3-onnx ${browser[@]+"${browser[@]}"} qemu-user) ;;
    --data) packages+=(dataset-fashion-mnist) ;;
    -h | --help) usage; exit 0 ;;
    *) echo "install_deps.sh: unknown argument $argument" >&2; usage >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install_deps.sh: needs Debian or Ubuntu (apt-get); elsewhere install what" \
    "docs/dependencies.md lists" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "install_deps.sh: all ${#packages[@]} packages are there"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install_deps.sh: needs root or sudo for: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
apt() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
}

echo "install_deps.sh: installing ${missing[*]}"
# A fresh root has no package lists.
if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
  apt update
fi
if ! apt install --no-install-recommends "${missing[@]}"; then
  # The lists may be older than the archive.
  apt update
  apt install --no-install-recommends "${missing[@]}"
fi
