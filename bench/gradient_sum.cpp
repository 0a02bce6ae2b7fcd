// The sums of a model's gradients over all ranks with nothing to hide behind: what the backward
// pass starts bucket by bucket, all at once, and the wait for it.
//
//     mpirun -n 2 build/release/bench/bench_gradient_sum CONFIG f32|bf16 SUMS
//
// Prints one JSON object: the median of the slowest rank's times, in seconds, after two more sums.
#include "distributed/gradient_sum.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/profile.h"
#include "distributed/join.h"
#include "layers/model.h"
#include "train/config/config.h"

namespace tessera {
namespace {

constexpr int kWarmUp = 2;

/// Seconds of one sum on the slowest rank. Throws Error if it is not the sum.
double seconds_of_sum(GradientSum& sum, const ParameterStore& store, Communicator& ranks) {
  for (float& value : store.grads().span()) value = static_cast<float>(ranks.rank() + 1);
  const double own_start = 0.0;
  ranks.gather({&own_start, 1});  // all begin together
  const double start = seconds_now();
  sum.begin();
  sum.finish();
  const double own = seconds_now() - start;
  const auto expected = static_cast<float>(ranks.size() * (ranks.size() + 1) / 2);
  for (const float value : store.grads().span()) {
    if (value != expected) fail<Error>("a sum is {} and should be {}", value, expected);
  }
  return std::ranges::max(ranks.gather({&own, 1}));
}

void measure(Communicator& ranks, const std::string& path, DType wire, int sums) {
  const Config config = load_config(path);
  const Model model(config.model);
  GradientSum sum(model.parameters, ranks, wire, SumGoesTo::kAll);
  std::vector<double> seconds;
  for (int i = 0; i < kWarmUp + sums; ++i) {
    const double one = seconds_of_sum(sum, model.parameters, ranks);
    if (i >= kWarmUp) seconds.push_back(one);
  }
  std::ranges::sort(seconds);
  if (!ranks.leads()) return;
  fmt::print(R"({{"parameters": {}, "buckets": {}, "ranks": {}, "seconds": {}}})"
             "\n",
             model.parameters.grads().numel(), sum.buckets(), ranks.size(),
             seconds[seconds.size() / 2]);
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) {
  const std::string wire = argc == 4 ? argv[2] : "";
  const int sums = argc == 4 ? std::atoi(argv[3]) : 0;
  if ((wire != "f32" && wire != "bf16") || sums < 1) {
    fmt::print(stderr, "mpirun -n N {} CONFIG f32|bf16 SUMS\n", argv[0]);
    return 2;
  }
  const auto ranks = tessera::join_ranks();
  try {
    tessera::measure(*ranks, argv[1], wire == "f32" ? tessera::DType::kF32 : tessera::DType::kBF16,
                     sums);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_gradient_sum: {}\n", error.what());
    if (ranks->alone()) return 1;
    ranks->abort(1);
  }
  return 0;
}
