#include "train/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>

#include "core/kernels/element.h"

namespace tessera {
namespace {

constexpr std::size_t kBins = 2048;

/// What entered one linear map.
struct Inputs {
  float smallest = std::numeric_limits<float>::infinity();
  float largest = -std::numeric_limits<float>::infinity();
  std::vector<std::int64_t> bins{};  // of equal width between the two; empty in the first pass

  template <typename T>
  void widen(const T* x, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      smallest = std::min(smallest, load(x[i]));
      largest = std::max(largest, load(x[i]));
    }
  }

  template <typename T>
  void count_in_bins(const T* x, std::int64_t count) {
    const float scale = static_cast<float>(kBins) / std::max(largest - smallest, 1e-30f);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto bin = static_cast<std::int64_t>((load(x[i]) - smallest) * scale);
      ++bins[static_cast<std::size_t>(std::clamp<std::int64_t>(bin, 0, kBins - 1))];
    }
  }
};

/// Counting integers in any order gives the same sums, so threads may come as they like.
class Statistics final : public InputObserver {
 public:
  void on_input(const Tensor& weight, const void* x, DType dtype, std::int64_t count) override {
    const std::lock_guard lock(mutex_);
    Inputs& inputs = inputs_[weight.f32()];
    with_element_type(dtype, [&](auto element) {
      const auto* values = static_cast<const decltype(element)*>(x);
      if (inputs.bins.empty()) {
        inputs.widen(values, count);
      } else {
        inputs.count_in_bins(values, count);
      }
    });
  }

  void begin_counting() {
    for (auto& [weight, inputs] : inputs_) inputs.bins.assign(kBins, 0);
  }

  const Inputs* of(const Tensor& weight) const {
    const auto found = inputs_.find(weight.f32());
    return found == inputs_.end() ? nullptr : &found->second;
  }

 private:
  std::mutex mutex_;
  std::map<const float*, Inputs> inputs_;
};

/// Sum of square errors of the code from `low` to `high`, with all values of a bin in its middle:
/// those inside are rounded, those outside cut off.
double square_error(std::span<const std::int64_t> bins, double smallest, double width, double low,
                    double high) {
  const double step = (high - low) / 255.0;
  double error = 0.0;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (bins[i] == 0) continue;
    const double value = smallest + (static_cast<double>(i) + 0.5) * width;
    const double beyond = std::max({low - value, value - high, 0.0});
    error += static_cast<double>(bins[i]) * (beyond * beyond + step * step / 12.0);
  }
  return error;
}

}  // namespace

InputCode best_code(std::span<const std::int64_t> bins, float smallest, float largest) {
  constexpr int kSteps = 50, kRounds = 3;
  const double from = std::min<double>(smallest, 0.0), to = std::max<double>(largest, 0.0);
  const double width = (double{largest} - double{smallest}) /
                       static_cast<double>(std::max<std::size_t>(1, bins.size()));
  std::array<double, 2> ends{from, to};
  double least = square_error(bins, smallest, width, from, to);
  // One end after the other: of a few tens of thousands of pairs this looks at some hundreds.
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t end = 0; end < 2; ++end) {
      for (int step = 1; step <= kSteps; ++step) {
        std::array<double, 2> tried = ends;
        tried[end] = (end == 0 ? from : to) * step / kSteps;
        if (!(tried[1] > tried[0])) continue;
        const double error = square_error(bins, smallest, width, tried[0], tried[1]);
        if (error >= least) continue;
        least = error;
        ends = tried;
      }
    }
  }
  return input_code(static_cast<float>(ends[0]), static_cast<float>(ends[1]));
}

Quantization calibrate(Learner& learner, const VisitImages& visit) {
  Statistics statistics;
  {
    const Learner::Showing showing(learner, statistics);
    const auto see = [&](const Tensor& images) { learner.outputs(images); };
    visit(see);
    statistics.begin_counting();
    visit(see);
  }
  Quantization codes;
  for (const ParameterStore::Entry& entry : learner.model().parameters.entries()) {
    const Tensor& value = entry.parameter->value;
    const Inputs* inputs = statistics.of(value);
    if (inputs == nullptr || value.rank() != 2 || entry.parameter->in_head) continue;
    codes[entry.name] = {best_code(inputs->bins, inputs->smallest, inputs->largest),
                         weight_scales(value)};
  }
  return codes;
}

}  // namespace tessera
