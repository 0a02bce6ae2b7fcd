#include "core/kernels/cpu.h"

#include "core/error.h"

namespace tessera {
namespace {

bool cpu_runs_16_lanes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512cd") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0;
#else
  return false;
#endif
}

}  // namespace

std::int64_t choose_lanes(std::int64_t lanes) {
  static const bool wide = cpu_runs_16_lanes();
  if (lanes == 0) return wide ? 16 : 8;
  if (lanes == 8 || (lanes == 16 && wide)) return lanes;
  fail<ConfigError>("lanes {}: this CPU offers {}; use 0 to pick the best", lanes,
                    wide ? "8 and 16" : "8");
}

bool has_native_bf16() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

}  // namespace tessera
