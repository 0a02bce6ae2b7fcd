#include "core/ops/resize_kernel.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

using test::random_tensor;

/// Bilinear resize with antialiasing along one axis, by the definition: triangles as wide as the
/// larger step.
std::vector<double> resized(const std::vector<double>& line, std::size_t to) {
  const auto from = static_cast<double>(line.size()), size = static_cast<double>(to);
  const double step = from / size, width = std::max(1.0, step);
  std::vector<double> result;
  for (std::size_t i = 0; i < to; ++i) {
    double sum = 0.0, weights = 0.0;
    for (std::size_t j = 0; j < line.size(); ++j) {
      const double place = (static_cast<double>(i) + 0.5) * step - 0.5;
      const double weight = std::max(0.0, 1.0 - std::abs(static_cast<double>(j) - place) / width);
      sum += weight * line[j];
      weights += weight;
    }
    result.push_back(sum / weights);
  }
  return result;
}

/// M is pinv(B^T) if M B^T is the identity where there are fewer new cells, B^T M where there are
/// more, and M lies in the span of B.
TEST_CASE("the matrix of a kernel is the pseudo-inverse of the resize's transpose") {
  for (const auto& [from, to] : {std::pair<std::int64_t, std::int64_t>{8, 4},
                                 {8, 2},
                                 {8, 7},
                                 {7, 3},
                                 {4, 8},
                                 {2, 5},
                                 {1, 4},
                                 {6, 6}}) {
    CAPTURE(from);
    CAPTURE(to);
    const ops::KernelMatrix m = ops::kernel_matrix(from, to).value();
    std::vector<std::vector<double>> columns;  // of B [to, from]
    for (std::int64_t j = 0; j < from; ++j) {
      std::vector<double> unit(static_cast<std::size_t>(from));
      unit[static_cast<std::size_t>(j)] = 1.0;
      columns.push_back(resized(unit, static_cast<std::size_t>(to)));
    }
    const auto b = [&](std::int64_t i, std::int64_t j) {
      return columns[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)];
    };
    const auto at = [&](std::int64_t i, std::int64_t j) {
      return m.values[static_cast<std::size_t>(i * from + j)];
    };
    const std::int64_t least = std::min(from, to);
    for (std::int64_t i = 0; i < least; ++i) {
      for (std::int64_t j = 0; j < least; ++j) {
        double product = 0.0;  // (M B^T)[i, j], or (B^T M)[i, j]
        for (std::int64_t k = 0; k < std::max(from, to); ++k) {
          product += to <= from ? at(i, k) * b(j, k) : b(k, i) * at(k, j);
        }
        CHECK(product == doctest::Approx(i == j ? 1.0 : 0.0).epsilon(1e-9));
      }
    }
    // The other product is symmetric: Moore and Penrose's third or fourth condition.
    const std::int64_t most = std::max(from, to);
    const auto other = [&](std::int64_t i, std::int64_t j) {
      double product = 0.0;
      for (std::int64_t k = 0; k < least; ++k) {
        product += to <= from ? b(k, i) * at(k, j) : at(i, k) * b(j, k);
      }
      return product;
    };
    for (std::int64_t i = 0; i < most; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        CHECK(other(i, j) == doctest::Approx(other(j, i)).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("resize_kernel is its matrices on both axes, and its gradient their transposes") {
  const Tensor kernel = random_tensor({3, 2, 5, 4}, 1);
  const ops::KernelMatrix v = ops::kernel_matrix(5, 3).value(),
                          h = ops::kernel_matrix(4, 6).value();
  const test::OpResult result = test::run_op(
      {kernel}, [&](Tape& t, std::span<const Var> x) { return ops::resize_kernel(t, x[0], v, h); });
  REQUIRE(result.y.shape() == Shape{3, 2, 3, 6});
  const Tensor probe = random_tensor(result.y.shape(), 977);
  std::vector<double> gradient(static_cast<std::size_t>(kernel.numel()));
  for (std::int64_t n = 0; n < 6; ++n) {
    for (std::int64_t y = 0; y < 3; ++y) {
      for (std::int64_t x = 0; x < 6; ++x) {
        double sum = 0.0;
        for (std::int64_t i = 0; i < 5; ++i) {
          for (std::int64_t j = 0; j < 4; ++j) {
            const double factor = v.values[static_cast<std::size_t>(y * 5 + i)] *
                                  h.values[static_cast<std::size_t>(x * 4 + j)];
            sum += factor * double{kernel.f32()[n * 20 + i * 4 + j]};
            gradient[static_cast<std::size_t>(n * 20 + i * 4 + j)] +=
                factor * double{probe.f32()[n * 18 + y * 6 + x]};
          }
        }
        CHECK(double{result.y.f32()[n * 18 + y * 6 + x]} == doctest::Approx(sum).epsilon(1e-5));
      }
    }
  }
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    CHECK(std::abs(double{result.grads[0].span()[i]} - gradient[i]) < 1e-5);
  }
  Tape tape;
  CHECK_THROWS_AS(ops::resize_kernel(tape, tape.constant(kernel), h, v), ShapeError);
}

}  // namespace
}  // namespace tessera
