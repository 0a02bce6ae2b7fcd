#include "core/peak.h"

#include <algorithm>
#include <vector>

#include "core/kernels/cpu.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/tensor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tessera {
namespace {

// Twelve independent chains hide the latency of two fused multiply-add units.
constexpr int kChains = 12;
constexpr std::int64_t kRounds = 100'000;

/// Runs chains of multiply-adds and returns the floating-point operations done. The compiler must
/// keep them: the sums go to `result`, 16 floats.
using Chains = double (*)(float* result);

#if defined(__x86_64__)
__attribute__((target("avx512f"))) double fma_chains_512(float* result) {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1.0f);
  const __m512 factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(0.001f);
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, term);
  }
  __m512 total = _mm512_setzero_ps();
  for (const __m512& sum : sums) total = _mm512_add_ps(total, sum);
  _mm512_storeu_ps(result, total);
  return 2.0 * 16 * kChains * kRounds;
}

__attribute__((target("avx2,fma"))) double fma_chains_256(float* result) {
  __m256 sums[kChains];
  for (__m256& sum : sums) sum = _mm256_set1_ps(1.0f);
  const __m256 factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(0.001f);
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, term);
  }
  __m256 total = _mm256_setzero_ps();
  for (const __m256& sum : sums) total = _mm256_add_ps(total, sum);
  _mm256_storeu_ps(result, total);
  return 2.0 * 8 * kChains * kRounds;
}

__attribute__((target("avx512f,avx512bf16"))) double bf16_chains(float* result) {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512bh factor = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, factor, factor);
  }
  __m512 total = _mm512_setzero_ps();
  for (const __m512& sum : sums) total = _mm512_add_ps(total, sum);
  _mm512_storeu_ps(result, total);
  return 2.0 * 32 * kChains * kRounds;
}

Chains fma_chains() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") ? fma_chains_512 : fma_chains_256;
}
#else
double fma_chains_plain(float* result) {
  float sums[kChains * 4] = {};
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (float& sum : sums) sum = sum * 0.999f + 0.001f;
  }
  for (const float sum : sums) result[0] += sum;
  return 2.0 * 4 * kChains * kRounds;
}

Chains fma_chains() { return fma_chains_plain; }
#endif

// Best rate of all threads together, in 1e9 operations a second.
double best_rate(double seconds, Chains chains) {
  constexpr std::int64_t kStride = 64;  // floats: threads write to cache lines of their own
  const int threads = num_threads();
  std::vector<float> results(static_cast<std::size_t>(threads * kStride));
  double best = 0.0;
  const double end = seconds_now() + seconds;
  do {
    double work = 0.0;
    const double start = seconds_now();
    parallel_parts(threads, 1, [&](int part, std::int64_t, std::int64_t) {
      const double done = chains(results.data() + part * kStride);
      if (part == 0) work = done;
    });
    best = std::max(best, work * threads / (seconds_now() - start) * 1e-9);
  } while (seconds_now() < end);
  return best;
}

}  // namespace

double measure_peak_gflops(double seconds) { return best_rate(seconds, fma_chains()); }

double measure_bf16_peak_gflops([[maybe_unused]] double seconds) {
#if defined(__x86_64__)
  if (has_native_bf16()) return best_rate(seconds, bf16_chains);
#endif
  return 0.0;
}

double measure_stream_gbytes(double seconds) {
  constexpr std::int64_t kFloats = std::int64_t{1} << 26;
  const Tensor from = Tensor::zeros({kFloats}), to = Tensor::zeros({kFloats});
  double best = 0.0;
  const double end = seconds_now() + seconds;
  do {
    const double start = seconds_now();
    to.copy_from(from);
    best = std::max(best, 2.0 * static_cast<double>(from.bytes()) / (seconds_now() - start) * 1e-9);
  } while (seconds_now() < end);
  return best;
}

}  // namespace tessera
