#include "optim/ema.h"

#include <algorithm>
#include <cassert>

#include "core/parallel.h"

namespace tessera {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

TESSERA_KERNEL void move_towards(const float* values, float share, float* averages,
                                 std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) averages[i] += share * (values[i] - averages[i]);
}

}  // namespace

Ema::Ema(const ParameterStore& store, double decay)
    : decay_(decay),
      values_(store.values()),
      averages_(store.values().clone()),
      updates_(Tensor::zeros({1}, DType::kI32)) {}

void Ema::update() {
  assert(!swapped_);
  const double t = ++*updates_.data<std::int32_t>();
  const float share = static_cast<float>(1.0 - std::min(decay_, t / (9.0 + t)));
  parallel_for(values_.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    move_towards(values_.f32() + begin, share, averages_.f32() + begin, end - begin);
  });
}

void Ema::swap() {
  parallel_for(values_.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::swap_ranges(values_.f32() + begin, values_.f32() + end, averages_.f32() + begin);
  });
  swapped_ = !swapped_;
}

Tensor Ema::averages() const {
  assert(!swapped_);
  return averages_;
}

StateTensors Ema::state() const {
  assert(!swapped_);
  return {{"ema", averages_}, {"ema_updates", updates_}};
}

}  // namespace tessera
