#include "optim/schedule.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

namespace tessera {
namespace {

OptimConfig with(ScheduleConfig schedule, double lr = 1.0) {
  OptimConfig config;
  config.lr = lr;
  config.schedule = std::move(schedule);
  return config;
}

TEST_CASE("warm-up and cosine give the rates of the reference training runs") {
  // `lrs` of swin_train_adamw.safetensors: 4 steps of warm-up, 12 in all, down to lr / 100.
  constexpr std::array<double, 12> kRates = {
      0.0002500000118743628,  0.0005000000237487257,  0.000750000006519258,
      0.0010000000474974513,  0.0010000000474974513,  0.0009623203659430146,
      0.0008550178608857095,  0.000694428279530257,   0.0005050000036135316,
      0.00031557169859297574, 0.00015498214634135365, 4.7679630370112136e-05};
  const OptimConfig config =
      with({.name = ScheduleName::kCosine, .warmup_epochs = 4, .min_lr = 1e-5}, 1e-3);
  for (std::size_t step = 0; step < kRates.size(); ++step) {
    CAPTURE(step);
    CHECK(learning_rate(config, static_cast<std::int64_t>(step), 12, 1) ==
          doctest::Approx(kRates[step]).epsilon(1e-7));
  }
}

TEST_CASE("warm-up ends at the peak, whatever follows") {
  for (const ScheduleName name : {ScheduleName::kConstant, ScheduleName::kCosine,
                                  ScheduleName::kLinear, ScheduleName::kStep}) {
    const OptimConfig config = with({.name = name, .warmup_epochs = 0.5});
    CHECK(learning_rate(config, 0, 100, 10) == doctest::Approx(0.2));
    CHECK(learning_rate(config, 3, 100, 10) == doctest::Approx(0.8));
    CHECK(learning_rate(config, 4, 100, 10) == 1.0);
    CHECK(learning_rate(config, 5, 100, 10) == 1.0);
    CHECK(learning_rate(with({.name = name}), 0, 100, 10) == 1.0);
  }
}

TEST_CASE("a run shorter than its warm-up only rises, and reaches the peak") {
  const OptimConfig config = with({.name = ScheduleName::kCosine, .warmup_epochs = 5});
  CHECK(learning_rate(config, 0, 4, 10) == doctest::Approx(0.25));
  CHECK(learning_rate(config, 3, 4, 10) == 1.0);
}

TEST_CASE("cosine and linear pass the middle at half way and end at min_lr") {
  for (const ScheduleName name : {ScheduleName::kCosine, ScheduleName::kLinear}) {
    const OptimConfig config = with({.name = name, .warmup_epochs = 2, .min_lr = 0.1});
    CHECK(learning_rate(config, 20, 120, 10) == 1.0);
    CHECK(learning_rate(config, 70, 120, 10) == doctest::Approx(0.55));
    CHECK(learning_rate(config, 119, 120, 10) > 0.1);
    CHECK(learning_rate(config, 120, 120, 10) == doctest::Approx(0.1));
    CHECK(learning_rate(config, 500, 120, 10) == doctest::Approx(0.1));
    for (std::int64_t step = 21; step < 120; ++step) {
      CHECK(learning_rate(config, step, 120, 10) < learning_rate(config, step - 1, 120, 10));
    }
  }
  CHECK(learning_rate(with({.name = ScheduleName::kLinear, .min_lr = 0.1}), 99, 100, 10) ==
        doctest::Approx(0.109));
}

TEST_CASE("step multiplies by gamma from the first step of each milestone's epoch") {
  const OptimConfig config =
      with({.name = ScheduleName::kStep, .milestones = {2, 3.5}, .gamma = 0.5});
  CHECK(learning_rate(config, 19, 50, 10) == 1.0);
  CHECK(learning_rate(config, 20, 50, 10) == 0.5);
  CHECK(learning_rate(config, 34, 50, 10) == 0.5);
  CHECK(learning_rate(config, 35, 50, 10) == 0.25);
  CHECK(learning_rate(config, 49, 50, 10) == 0.25);
}

TEST_CASE("a constant rate stays") {
  const OptimConfig config = with({.name = ScheduleName::kConstant}, 0.3);
  CHECK(learning_rate(config, 0, 10, 1) == 0.3);
  CHECK(learning_rate(config, 9, 10, 1) == 0.3);
}

}  // namespace
}  // namespace tessera
