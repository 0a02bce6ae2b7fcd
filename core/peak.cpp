#include "core/peak.h"

#include <algorithm>
#include <vector>

#include "core/kernels/vector_kernels.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/tensor.h"

namespace tessera {
namespace {

// Best rate of all threads together, in 1e9 operations a second.
double best_rate(double seconds, double (*chains)(float* result)) {
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

double measure_peak_gflops(double seconds) {
  return best_rate(seconds, vector_kernels().peak->multiply_adds);
}

double measure_bf16_peak_gflops(double seconds) {
  const auto dots = vector_kernels().peak->bf16_dots;
  return dots == nullptr ? 0.0 : best_rate(seconds, dots);
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
