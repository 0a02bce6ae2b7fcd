// Compiled for any CPU (core/CMakeLists.txt), because it ends the program on one that cannot run
// the rest of it: it must not hold an instruction of that rest.
#include "core/kernels/cpu.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace tessera {
namespace {

constexpr VectorTarget kTargets[] = {VectorTarget::kBase, VectorTarget::kAvx512,
                                     VectorTarget::kAvx512Bf16, VectorTarget::kAmx};

#if defined(__x86_64__)

bool runs_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512cd") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0;
}

// Before the constructors of the other files, which may hold vector instructions already.
[[gnu::constructor(101)]] void require_base_instructions() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
      __builtin_cpu_supports("bmi2") != 0) {
    return;
  }
  constexpr std::string_view kMessage =
      "tessera: this CPU lacks AVX2, FMA or BMI2, which the program is built with; on this machine "
      "build it with cmake -DTESSERA_NATIVE=ON\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(EXIT_FAILURE);
}

#endif

}  // namespace

std::string_view name_of(VectorTarget target) {
  constexpr std::string_view kNames[] = {"base", "avx512", "avx512_bf16", "amx"};
  return kNames[static_cast<std::size_t>(target)];
}

std::span<const VectorTarget> vector_targets() {
#if defined(TESSERA_AVX512_KERNELS)
  const bool dots = has_native_bf16() && __builtin_cpu_supports("avx512vnni") != 0;
  static const std::size_t count = !runs_avx512() ? 1 : !dots ? 2 : !has_bf16_tiles() ? 3 : 4;
#else
  constexpr std::size_t count = 1;
#endif
  return std::span(kTargets).first(count);
}

bool has_native_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0 && runs_avx512();
#else
  return false;
#endif
}

bool has_bf16_tiles() {
#if defined(__x86_64__) && defined(TESSERA_AVX512_KERNELS)
  constexpr long kAskForState = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XTILEDATA
  static const bool has = __builtin_cpu_supports("amx-tile") != 0 &&
                          __builtin_cpu_supports("amx-bf16") != 0 && has_native_bf16() &&
                          syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
  return has;
#else
  return false;
#endif
}

}  // namespace tessera
