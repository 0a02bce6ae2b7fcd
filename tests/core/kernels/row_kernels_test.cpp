#include "core/kernels/row_kernels.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "core/kernels/simd_math.h"
#include "core/kernels/vector_kernels.h"

namespace tessera::ops {
namespace {

struct Form {
  std::string name;
  const AllRowKernels& kernels;
};

/// Those that this CPU runs.
std::vector<Form> all_forms() {
  std::vector<Form> forms;
  for (const VectorTarget target : vector_targets()) {
    forms.push_back({std::string(name_of(target)), *vector_kernels(target).rows});
  }
  return forms;
}

constexpr std::int64_t kCounts[] = {1, 7, 8, 15, 16, 17, 31, 48, 97};

double reference_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double reference_slope(double x) {
  return reference_cdf(x) + x * std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi);
}

float value_at(std::int64_t i) { return 4.0f * std::sin(1.7f * static_cast<float>(i) + 0.3f); }

template <typename T>
struct Traits;
template <>
struct Traits<float> {
  static constexpr double kTolerance = 4e-6;
  static const RowKernels<float>& of(const Form& form) { return form.kernels.f32; }
  static float make(float value) { return value; }
  static double get(float value) { return static_cast<double>(value); }
};
template <>
struct Traits<BF16> {
  static constexpr double kTolerance = 1.0 / 128.0;  // of bf16's 8 bits
  static const RowKernels<BF16>& of(const Form& form) { return form.kernels.bf16; }
  static BF16 make(float value) { return to_bf16(value); }
  static double get(BF16 value) { return static_cast<double>(to_f32(value)); }
};

TEST_CASE_TEMPLATE("gelu and its gradient in every form and with every tail", T, float, BF16) {
  using Tr = Traits<T>;
  for (const Form& form : all_forms()) {
    const RowKernels<T>& kernels = Tr::of(form);
    for (const std::int64_t count : kCounts) {
      CAPTURE(form.name);
      CAPTURE(count);
      const auto size = static_cast<std::size_t>(count);
      const T guard = Tr::make(123.0f);
      std::vector<T> x(size), dy(size), y(size + 1, guard), dx(size + 1, guard), dx_alone(size);
      for (std::size_t i = 0; i < size; ++i) {
        x[i] = Tr::make(value_at(static_cast<std::int64_t>(i)));
        dy[i] = Tr::make(value_at(static_cast<std::int64_t>(i) + 50));
      }
      kernels.gelu_with_gradient(x.data(), dy.data(), y.data(), dx.data(), count);
      kernels.gelu_gradient(x.data(), dy.data(), dx_alone.data(), count);
      std::vector<T> y_alone = x;
      kernels.gelu(y_alone.data(), y_alone.data(), count);
      for (std::size_t i = 0; i < size; ++i) {
        const double value = Tr::get(x[i]);
        const double slope = Tr::get(dy[i]) * reference_slope(value);
        const auto near = [](double expected) {
          return doctest::Approx(expected).scale(1.0).epsilon(Tr::kTolerance);
        };
        CHECK(Tr::get(y[i]) == near(value * reference_cdf(value)));
        CHECK(Tr::get(y_alone[i]) == near(value * reference_cdf(value)));
        CHECK(Tr::get(dx[i]) == near(slope));
        CHECK(Tr::get(dx_alone[i]) == near(slope));
      }
      CHECK(Tr::get(y[size]) == Tr::get(guard));
      CHECK(Tr::get(dx[size]) == Tr::get(guard));
    }
  }
}

TEST_CASE_TEMPLATE("layer norm of rows in every form and with every tail", T, float, BF16) {
  using Tr = Traits<T>;
  constexpr std::int64_t kRows = 3;
  for (const Form& form : all_forms()) {
    const RowKernels<T>& kernels = Tr::of(form);
    for (const std::int64_t columns : kCounts) {
      CAPTURE(form.name);
      CAPTURE(columns);
      const auto size = static_cast<std::size_t>(kRows * columns);
      std::vector<T> x(size), y(size + 1, Tr::make(123.0f));
      std::vector<float> gamma, beta, stats(2 * kRows), values(static_cast<std::size_t>(columns));
      for (std::size_t i = 0; i < size; ++i) {
        x[i] = Tr::make(20.0f + value_at(static_cast<std::int64_t>(i)));
      }
      for (std::int64_t j = 0; j < columns; ++j) {
        gamma.push_back(value_at(j + 200));
        beta.push_back(value_at(j + 300));
      }
      const NormForward<T> args{.x = x.data(),
                                .branch = nullptr,
                                .scale = nullptr,
                                .sum = nullptr,
                                .gamma = gamma.data(),
                                .beta = beta.data(),
                                .stats = stats.data(),
                                .y = y.data(),
                                .rows_per_sample = kRows,
                                .columns = columns,
                                .eps = 1e-5f};
      kernels.norm_forward(args, 0, kRows, values.data());
      for (std::int64_t row = 0; row < kRows; ++row) {
        const T* const line = x.data() + row * columns;
        double mean = 0.0, variance = 0.0;
        for (std::int64_t j = 0; j < columns; ++j) {
          mean += Tr::get(line[j]) / static_cast<double>(columns);
        }
        for (std::int64_t j = 0; j < columns; ++j) {
          variance += std::pow(Tr::get(line[j]) - mean, 2) / static_cast<double>(columns);
        }
        for (std::int64_t j = 0; j < columns; ++j) {
          const auto at = static_cast<std::size_t>(j);
          const double normed = (Tr::get(line[j]) - mean) / std::sqrt(variance + 1e-5);
          const double expected =
              normed * static_cast<double>(gamma[at]) + static_cast<double>(beta[at]);
          CHECK(Tr::get(y[static_cast<std::size_t>(row * columns + j)]) ==
                doctest::Approx(expected).scale(2.0).epsilon(2.0 * Tr::kTolerance));
        }
      }
      CHECK(Tr::get(y[size]) == 123.0);
    }
  }
}

TEST_CASE("rounding to bf16 keeps infinities and NaN in every form") {
  const float infinity = std::numeric_limits<float>::infinity();
  const BF16 x[] = {to_bf16(infinity), to_bf16(-100.0f),
                    to_bf16(std::numeric_limits<float>::quiet_NaN()), to_bf16(3e38f)};
  for (const Form& form : all_forms()) {
    CAPTURE(form.name);
    BF16 y[4];
    form.kernels.bf16.gelu(x, y, 4);
    CHECK(to_f32(y[0]) == infinity);
    CHECK(std::abs(to_f32(y[1])) < 1e-6f);
    CHECK(std::isnan(to_f32(y[2])));
    CHECK(to_f32(y[3]) == doctest::Approx(3e38f).epsilon(0.01));
  }
}

TEST_CASE("the coarse functions are within their stated errors and saturate") {
  double worst = 0.0, worst_slope = 0.0;
  for (int i = -60000; i <= 60000; ++i) {
    const float x = 1e-4f * static_cast<float>(i);
    const auto exact = static_cast<double>(x);
    worst =
        std::max(worst, std::abs(static_cast<double>(coarse_normal_cdf(x)) - reference_cdf(exact)));
    worst_slope = std::max(
        worst_slope, std::abs(static_cast<double>(coarse_gelu_slope(x)) - reference_slope(exact)));
  }
  CHECK(worst < 1.1e-5);
  CHECK(worst_slope < 3e-5);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float x : {5.0f, 100.0f, 3e38f, infinity}) {
    CHECK(coarse_normal_cdf(x) == doctest::Approx(1.0).epsilon(1e-7));
    CHECK(std::abs(coarse_normal_cdf(-x)) < 1e-7f);
    CHECK(coarse_gelu_slope(x) == doctest::Approx(1.0).epsilon(1e-7));
    CHECK(std::abs(coarse_gelu_slope(-x)) < 1e-7f);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(coarse_normal_cdf(nan)));
  CHECK(std::isnan(coarse_gelu_slope(nan)));
}

}  // namespace
}  // namespace tessera::ops
