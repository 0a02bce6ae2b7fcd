#include "core/peak.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/onednn/primitives.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/tensor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tessera {
namespace {

using Vec = float __attribute__((vector_size(64)));

// Twelve independent chains hide the latency of two fused multiply-add units.
constexpr int kChains = 12;
constexpr std::int64_t kRounds = 100'000;
constexpr double kLanes = 16.0;

TESSERA_KERNEL void fma_chains(float* result) {
  Vec sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = Vec{} + static_cast<float>(i);
  Vec factor = Vec{} + 0.999f;
  const Vec term = Vec{} + 0.001f;
  for (std::int64_t round = 0; round < kRounds; ++round) {
    asm volatile("" : "+m"(factor));
    const Vec f = factor;
    for (Vec& sum : sums) sum = sum * f + term;
  }
  Vec total{};
  for (const Vec& sum : sums) total += sum;
  std::memcpy(result, &total, sizeof(total));
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bf16"))) void bf16_chains(float* result) {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512bh factor = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, factor, factor);
  }
  __m512 total = _mm512_setzero_ps();
  for (const __m512& sum : sums) total = _mm512_add_ps(total, sum);
  _mm512_storeu_ps(result, total);
}
#endif

// Best rate of `work`, run on every thread at once, in units of 1e9 a second.
template <typename Work>
double best_rate(double seconds, double units, Work&& work) {
  const int threads = num_threads();
  double best = 0.0;
  const double end = seconds_now() + seconds;
  do {
    const double start = seconds_now();
    parallel_parts(threads, 1, [&](int part, std::int64_t, std::int64_t) { work(part); });
    best = std::max(best, units * threads / (seconds_now() - start) * 1e-9);
  } while (seconds_now() < end);
  return best;
}

}  // namespace

double measure_peak_gflops(double seconds) {
  std::vector<float> results(static_cast<std::size_t>(num_threads()) * 64);
  return best_rate(seconds, 2.0 * kLanes * kChains * kRounds,
                   [&](int part) { fma_chains(results.data() + part * 64); });
}

double measure_bf16_peak_gflops([[maybe_unused]] double seconds) {
#if defined(__x86_64__)
  if (onednn::has_native_bf16()) {
    std::vector<float> results(static_cast<std::size_t>(num_threads()) * 64);
    return best_rate(seconds, 4.0 * kLanes * kChains * kRounds,
                     [&](int part) { bf16_chains(results.data() + part * 64); });
  }
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
