#include "optim/schedule.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

namespace tessera {
namespace {

/// At a peak of 1.
double rate(const ScheduleConfig& schedule, std::int64_t step, std::int64_t total_steps,
            std::int64_t steps_per_epoch) {
  return learning_rate(schedule, 1.0, step, total_steps, steps_per_epoch);
}

TEST_CASE("warm-up and cosine give the rates of the reference training runs") {
  // `lrs` of swin_train_adamw.safetensors: 4 steps of warm-up, then the first 8 of the 9 in which
  // the rate falls to lr / 100.
  constexpr std::array<double, 12> kRates = {
      0.0002500000118743628,  0.0005000000237487257,  0.000750000006519258,
      0.0010000000474974513,  0.0010000000474974513,  0.0009623203659430146,
      0.0008550178608857095,  0.000694428279530257,   0.0005050000036135316,
      0.00031557169859297574, 0.00015498214634135365, 4.7679630370112136e-05};
  const ScheduleConfig config = {.name = ScheduleName::kCosine, .warmup_epochs = 4, .min_lr = 1e-5};
  for (std::size_t step = 0; step < kRates.size(); ++step) {
    CAPTURE(step);
    CHECK(learning_rate(config, 1e-3, static_cast<std::int64_t>(step), 13, 1) ==
          doctest::Approx(kRates[step]).epsilon(1e-7));
  }
  CHECK(learning_rate(config, 1e-3, 12, 13, 1) == doctest::Approx(1e-5));
}

TEST_CASE("warm-up ends at the peak, whatever follows") {
  for (const ScheduleName name : {ScheduleName::kConstant, ScheduleName::kCosine,
                                  ScheduleName::kLinear, ScheduleName::kStep}) {
    const ScheduleConfig config = {.name = name, .warmup_epochs = 0.5};
    CHECK(rate(config, 0, 100, 10) == doctest::Approx(0.2));
    CHECK(rate(config, 3, 100, 10) == doctest::Approx(0.8));
    CHECK(rate(config, 4, 100, 10) == 1.0);
    CHECK(rate(config, 5, 100, 10) == 1.0);
    CHECK(rate(ScheduleConfig{.name = name}, 0, 100, 10) == 1.0);
  }
}

TEST_CASE("a run shorter than its warm-up only rises, and reaches the peak") {
  const ScheduleConfig config = {.name = ScheduleName::kCosine, .warmup_epochs = 5};
  CHECK(rate(config, 0, 4, 10) == doctest::Approx(0.25));
  CHECK(rate(config, 3, 4, 10) == 1.0);
}

TEST_CASE("cosine and linear pass the middle at half way and reach min_lr at the last step") {
  for (const ScheduleName name : {ScheduleName::kCosine, ScheduleName::kLinear}) {
    const ScheduleConfig config = {.name = name, .warmup_epochs = 2, .min_lr = 0.1};
    CHECK(rate(config, 20, 121, 10) == 1.0);
    CHECK(rate(config, 70, 121, 10) == doctest::Approx(0.55));
    CHECK(rate(config, 119, 121, 10) > 0.1);
    CHECK(rate(config, 120, 121, 10) == 0.1);
    CHECK(rate(config, 500, 121, 10) == 0.1);
    for (std::int64_t step = 21; step < 121; ++step) {
      CHECK(rate(config, step, 121, 10) < rate(config, step - 1, 121, 10));
    }
    // What is as long as it takes to say: the first at the peak, the last at min_lr.
    const ScheduleConfig plain = {.name = name, .min_lr = 1e-5};
    CHECK(learning_rate(plain, 1e-3, 0, 10, 10) == 1e-3);
    CHECK(learning_rate(plain, 1e-3, 9, 10, 10) == 1e-5);
    CHECK(learning_rate(plain, 1e-3, 0, 2, 10) == 1e-3);
    CHECK(learning_rate(plain, 1e-3, 1, 2, 10) == 1e-5);
    CHECK(learning_rate(plain, 1e-3, 0, 1, 10) == 1e-3);
  }
  CHECK(rate(ScheduleConfig{.name = ScheduleName::kLinear, .min_lr = 0.1}, 99, 101, 10) ==
        doctest::Approx(0.109));
}

TEST_CASE("step multiplies by gamma from the first step of each milestone's epoch") {
  const ScheduleConfig config = {.name = ScheduleName::kStep, .milestones = {2, 3.5}, .gamma = 0.5};
  CHECK(rate(config, 19, 50, 10) == 1.0);
  CHECK(rate(config, 20, 50, 10) == 0.5);
  CHECK(rate(config, 34, 50, 10) == 0.5);
  CHECK(rate(config, 35, 50, 10) == 0.25);
  CHECK(rate(config, 49, 50, 10) == 0.25);
}

TEST_CASE("a constant rate stays") {
  const ScheduleConfig config = {.name = ScheduleName::kConstant};
  CHECK(rate(config, 0, 10, 1) == 1.0);
  CHECK(rate(config, 9, 10, 1) == 1.0);
}

TEST_CASE("cycles: the cosine falls from the peak to min_lr each time") {
  // 10 steps of warm-up, then 11, 22 and 44 steps.
  const ScheduleConfig config = {.name = ScheduleName::kCosine,
                                 .warmup_epochs = 1,
                                 .min_lr = 0.1,
                                 .cycles = 3,
                                 .cycle_growth = 2.0};
  CHECK(rate(config, 9, 87, 10) == 1.0);
  for (const std::int64_t start : {10, 21, 43}) {
    CAPTURE(start);
    CHECK(rate(config, start, 87, 10) == 1.0);
    if (start > 10) CHECK(rate(config, start - 1, 87, 10) == 0.1);
  }
  CHECK(rate(config, 15, 87, 10) == doctest::Approx(0.55));
  CHECK(rate(config, 86, 87, 10) == 0.1);
  CHECK(rate(config, 99, 87, 10) == 0.1);
  // Seven equal cycles: the bounds are no round numbers of the way.
  const ScheduleConfig seven = {.name = ScheduleName::kCosine, .cycles = 7};
  for (std::int64_t cycle = 0; cycle < 7; ++cycle) {
    CHECK(rate(seven, 3 * cycle, 21, 1) == 1.0);
    CHECK(rate(seven, 3 * cycle + 1, 21, 1) == doctest::Approx(0.5));
    CHECK(rate(seven, 3 * cycle + 2, 21, 1) == 0.0);
  }
}

TEST_CASE("cycles and warm-ups as large as a configuration takes them overflow nothing") {
  for (const std::int64_t cycles : {1, 7, 155, 156, 400, 1000}) {
    for (const double growth : {1.0, 1.5, 10.0, 100.0}) {
      CAPTURE(cycles);
      CAPTURE(growth);
      const ScheduleConfig config = {
          .name = ScheduleName::kCosine, .min_lr = 0.1, .cycles = cycles, .cycle_growth = growth};
      for (std::int64_t step = 0; step < 3000; ++step) {
        const double lr = rate(config, step, 3000, 10);
        REQUIRE(lr >= 0.1);
        REQUIRE(lr <= 1.0);
      }
      CHECK(rate(config, 2999, 3000, 10) == 0.1);
      // All but the last cycles are a small part: the last begins where its share does.
      if (growth == 100.0 && cycles > 1) CHECK(rate(config, 30, 3000, 10) == 1.0);
    }
  }
  const ScheduleConfig endless = {.name = ScheduleName::kCosine, .warmup_epochs = 1e300};
  CHECK(warmup_steps(endless, 1000000) > 1000000);
  CHECK(rate(endless, 99, 100, 10) == 1.0);
}

TEST_CASE("a scaled learning rate follows the images of an update") {
  OptimConfig config;
  config.lr = 2e-3;
  CHECK(scaled_lr(config, 1024) == 2e-3);
  config.lr_scaling = LrScaling::kLinear;
  CHECK(scaled_lr(config, 256) == 2e-3);
  CHECK(scaled_lr(config, 1024) == doctest::Approx(8e-3));
  CHECK(scaled_lr(config, 64) == doctest::Approx(5e-4));
  config.lr_scaling = LrScaling::kSqrt;
  CHECK(scaled_lr(config, 256) == 2e-3);
  CHECK(scaled_lr(config, 1024) == doctest::Approx(4e-3));
  CHECK(scaled_lr(config, 64) == doctest::Approx(1e-3));
}

}  // namespace
}  // namespace tessera
