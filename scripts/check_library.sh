#!/bin/bash
# Installs the library of a build folder, builds examples/ against that installation, and runs them.
#   scripts/check_library.sh [BUILD [PREFIX]]       build/release, a folder that is removed again
# Nothing but the installed tree is used: no header of the source tree, no flag of its build.
set -e
source=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-$source/build/release}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=${2:-$scratch/installed}
cmake --install "$build" --prefix "$prefix" --component library >"$scratch/log"

# Every header stands for itself, and none asks for what the package does not depend on.
mkdir "$scratch/project"
cp "$source"/examples/*.cpp "$source"/examples/CMakeLists.txt "$scratch/project"
(cd "$prefix/include" && find tessera -name '*.h' | LC_ALL=C sort | sed 's/.*/#include <&>/'
 echo 'int main() {}') >"$scratch/project/headers.cpp"
cat >>"$scratch/project/CMakeLists.txt" <<'C'
add_executable(headers headers.cpp)
target_link_libraries(headers PRIVATE tessera::train)
get_target_property(options tessera::train INTERFACE_COMPILE_OPTIONS)
if(options)
  message(FATAL_ERROR "flags reach who uses the library: ${options}")
endif()
C
cmake -S "$scratch/project" -B "$scratch/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" >>"$scratch/log" ||
  { cat "$scratch/log"; exit 1; }
cmake --build "$scratch/build" ${JOBS:+-j $JOBS} >>"$scratch/log" || { tail -40 "$scratch/log"; exit 1; }

cd "$scratch"
echo "own_model:"
build/own_model
echo "own_embedding:"
build/own_embedding "$source/configs/fashion_mnist_quickstart.yaml" data.name=synthetic \
  model.patch_embed.type=blur_pool data.train_samples=64 data.test_samples=16 data.batch_size=16 \
  train.max_steps=4 2>&1 | tail -3
echo "classify:"
build/classify "$source/tests/fixtures/hf_swin_32_folder" \
  "$(find "$source/tests/fixtures/images" -name '*.png' | head -1)"
if build/own_embedding "$source/configs/fashion_mnist_quickstart.yaml" \
  model.patch_embed.type=nothing 2>"$scratch/refusal"; then
  echo "a type that nobody registered was taken"; exit 1
fi
grep -q blur_pool "$scratch/refusal" || { cat "$scratch/refusal"; exit 1; }
echo "the installed library builds and runs the examples"
