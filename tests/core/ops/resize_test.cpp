#include "core/ops/resize.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "tests/support/op_fixture.h"

namespace tessera {
namespace {

using ops::ResizeMode;
using test::relative_error;

double pixel(const Tensor& x, std::int64_t b, std::int64_t row, std::int64_t column,
             std::int64_t c) {
  const std::int64_t y = std::clamp<std::int64_t>(row, 0, x.dim(1) - 1);
  const std::int64_t z = std::clamp<std::int64_t>(column, 0, x.dim(2) - 1);
  return double{x.f32()[((b * x.dim(1) + y) * x.dim(2) + z) * x.dim(3) + c]};
}

double cubic(double d) {
  d = std::abs(d);
  if (d <= 1.0) return 1.25 * d * d * d - 2.25 * d * d + 1.0;
  return d >= 2.0 ? 0.0 : -0.75 * d * d * d + 3.75 * d * d - 6.0 * d + 3.0;
}

double weight_of(double distance, ResizeMode mode) {
  if (mode == ResizeMode::kBicubic) return cubic(distance);
  return std::max(0.0, 1.0 - std::abs(distance));
}

double source_of(std::int64_t i, std::int64_t in, std::int64_t out, ResizeMode mode) {
  const auto place = static_cast<double>(i), from = static_cast<double>(in);
  if (mode == ResizeMode::kBilinearCorners) {
    return out == 1 ? 0.0 : place * (from - 1.0) / static_cast<double>(out - 1);
  }
  const double source = (place + 0.5) * from / static_cast<double>(out) - 0.5;
  return mode == ResizeMode::kBilinear ? std::max(0.0, source) : source;
}

// A pixel as the sum over all pixels within two of its place, from the definition.
Tensor reference(const Tensor& x, std::array<std::int64_t, 2> size, ResizeMode mode) {
  Tensor y = Tensor::empty({x.dim(0), size[0], size[1], x.dim(3)});
  std::size_t next = 0;
  for (std::int64_t b = 0; b < x.dim(0); ++b) {
    for (std::int64_t i = 0; i < size[0]; ++i) {
      for (std::int64_t j = 0; j < size[1]; ++j) {
        for (std::int64_t c = 0; c < x.dim(3); ++c) {
          double sum = 0.0;
          if (mode == ResizeMode::kNearest) {
            sum = pixel(x, b, i * x.dim(1) / size[0], j * x.dim(2) / size[1], c);
          } else {
            const double row = source_of(i, x.dim(1), size[0], mode);
            const double column = source_of(j, x.dim(2), size[1], mode);
            for (std::int64_t p = -3; p < x.dim(1) + 3; ++p) {
              for (std::int64_t q = -3; q < x.dim(2) + 3; ++q) {
                sum += weight_of(row - static_cast<double>(p), mode) *
                       weight_of(column - static_cast<double>(q), mode) * pixel(x, b, p, q, c);
              }
            }
          }
          y.span()[next++] = static_cast<float>(sum);
        }
      }
    }
  }
  return y;
}

// The smooth one along one axis: Keys' kernel with A = -0.5, stretched where pixels grow, over the
// pixels that there are.
std::vector<double> smooth_weights(std::int64_t i, std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double middle = (static_cast<double>(i) + 0.5) * scale, width = std::max(1.0, scale);
  std::vector<double> weights;
  for (std::int64_t p = 0; p < in; ++p) {
    const double d = std::abs(static_cast<double>(p) + 0.5 - middle) / width;
    weights.push_back(d <= 1.0   ? 1.5 * d * d * d - 2.5 * d * d + 1.0
                      : d >= 2.0 ? 0.0
                                 : -0.5 * d * d * d + 2.5 * d * d - 4.0 * d + 2.0);
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

TEST_CASE("smooth bicubic resizing agrees with a double-precision reference") {
  for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 1, 4, 16}, Shape{1, 14, 30, 2}}) {
    for (const std::array<std::int64_t, 2> size :
         {std::array<std::int64_t, 2>{13, 11}, {1, 1}, {20, 28}, {3, 2}, {7, 15}}) {
      CAPTURE(to_string(shape));
      CAPTURE(size[0]);
      const Tensor x = test::random_tensor(shape, 1);
      Tape tape({.training = false});
      const Var y = ops::resize(tape, tape.constant(x), size, ResizeMode::kBicubicSmooth);
      Tensor expected = Tensor::zeros(y.shape());
      for (std::int64_t at = 0; at < expected.numel(); ++at) {
        const std::int64_t c = at % shape[3], j = at / shape[3] % size[1];
        const std::int64_t i = at / shape[3] / size[1] % size[0],
                           b = at / shape[3] / size[1] / size[0];
        const std::vector<double> rows = smooth_weights(i, shape[1], size[0]);
        const std::vector<double> columns = smooth_weights(j, shape[2], size[1]);
        double sum = 0.0;
        for (std::int64_t p = 0; p < shape[1]; ++p) {
          for (std::int64_t q = 0; q < shape[2]; ++q) {
            sum += rows[static_cast<std::size_t>(p)] * columns[static_cast<std::size_t>(q)] *
                   pixel(x, b, p, q, c);
          }
        }
        expected.f32()[at] = static_cast<float>(sum);
      }
      CHECK(relative_error(y.value, expected) < 1e-5);
    }
  }
}

TEST_CASE("resize agrees with a double-precision reference") {
  for (const ResizeMode mode : {ResizeMode::kBilinear, ResizeMode::kBilinearCorners,
                                ResizeMode::kBicubic, ResizeMode::kNearest}) {
    for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 1, 4, 16}, Shape{3, 2, 3, 33}}) {
      for (const std::array<std::int64_t, 2> size :
           {std::array<std::int64_t, 2>{13, 11}, {1, 1}, {20, 28}, {3, 2}, {5, 1}}) {
        CAPTURE(static_cast<int>(mode));
        CAPTURE(to_string(shape));
        CAPTURE(size[0]);
        const Tensor x = test::random_tensor(shape, 1);
        Tape tape({.training = false});
        const Var y = ops::resize(tape, tape.constant(x), size, mode);
        CHECK(y.shape() == Shape{shape[0], size[0], size[1], shape[3]});
        CHECK(relative_error(y.value, reference(x, size, mode)) < 1e-5);
      }
    }
  }
}

TEST_CASE("resize and its gradient agree with PyTorch") {
  const test::OpFixture fixture("op_resize.safetensors");
  REQUIRE(fixture.cases().size() == 28);
  for (const auto& c : fixture.cases()) {
    CAPTURE(c.dump());
    const std::string name = c["mode"];
    const ResizeMode mode = name == "nearest"                ? ResizeMode::kNearest
                            : name == "bicubic"              ? ResizeMode::kBicubic
                            : c["align_corners"].get<bool>() ? ResizeMode::kBilinearCorners
                                                             : ResizeMode::kBilinear;
    const std::array<std::int64_t, 2> size = {c["size"][0], c["size"][1]};
    const auto result = test::run_backward(
        {fixture.map(c, "x")}, fixture.map(c, "dy"),
        [&](Tape& t, std::span<const Var> v) { return ops::resize(t, v[0], size, mode); });
    CHECK(relative_error(result.y, fixture.map(c, "y")) < 1e-5);
    CHECK(relative_error(result.grads[0], fixture.map(c, "dx")) < 1e-5);
  }
}

TEST_CASE("resize hands a map of the wanted size on") {
  Tape tape;
  const Var x = tape.leaf(test::random_tensor({2, 3, 4, 5}, 1));
  CHECK(ops::resize(tape, x, {3, 4}).value.raw() == x.value.raw());
}

TEST_CASE("resize refuses what is not a map and sizes of nothing") {
  Tape tape;
  CHECK_THROWS_AS(ops::resize(tape, tape.constant(Tensor::zeros({2, 3, 4})), {2, 2}), ShapeError);
  CHECK_THROWS_AS(ops::resize(tape, tape.constant(Tensor::zeros({2, 0, 4, 3})), {2, 2}),
                  ShapeError);
  CHECK_THROWS_AS(ops::resize(tape, tape.constant(Tensor::zeros({2, 3, 4, 3})), {0, 2}),
                  ShapeError);
}

using test::relative_error;
using Size = std::array<std::int64_t, 2>;

Tensor reference(const Tensor& x, Size grid) {
  Tensor y = Tensor::empty({x.dim(0), grid[0], grid[1], x.dim(3)});
  const std::int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  for (std::int64_t at = 0; at < y.numel(); ++at) {
    const std::int64_t c = at % channels, j = at / channels % grid[1];
    const std::int64_t i = at / (channels * grid[1]) % grid[0];
    const std::int64_t b = at / (channels * grid[1] * grid[0]);
    double sum = 0.0, count = 0.0;
    for (std::int64_t p = 0; p < height; ++p) {
      for (std::int64_t q = 0; q < width; ++q) {
        // Cell i holds the rows that touch [i H / n, (i + 1) H / n).
        if ((p + 1) * grid[0] <= i * height || p * grid[0] >= (i + 1) * height) continue;
        if ((q + 1) * grid[1] <= j * width || q * grid[1] >= (j + 1) * width) continue;
        sum += double{x.f32()[((b * height + p) * width + q) * channels + c]};
        count += 1.0;
      }
    }
    y.f32()[at] = static_cast<float>(sum / count);
  }
  return y;
}

TEST_CASE("adaptive_pool agrees with a double-precision reference") {
  for (const Shape& shape : {Shape{2, 7, 5, 3}, Shape{1, 15, 20, 33}, Shape{3, 2, 1, 8}}) {
    for (const Size grid : {Size{1, 1}, {2, 2}, {3, 3}, {6, 6}, {4, 7}}) {
      CAPTURE(to_string(shape));
      CAPTURE(grid[0]);
      const Tensor x = test::random_tensor(shape, 1);
      Tape tape({.training = false});
      const Var y = ops::adaptive_pool(tape, tape.constant(x), grid);
      CHECK(relative_error(y.value, reference(x, grid)) < 1e-5);
    }
  }
}

TEST_CASE("adaptive_pool and its gradient agree with PyTorch") {
  const test::OpFixture fixture("op_adaptive_pool.safetensors");
  REQUIRE(fixture.cases().size() == 20);
  for (const auto& c : fixture.cases()) {
    CAPTURE(c.dump());
    const std::int64_t size = c["size"];
    const auto result = test::run_backward({fixture.map(c, "x")}, fixture.map(c, "dy"),
                                           [&](Tape& t, std::span<const Var> v) {
                                             return ops::adaptive_pool(t, v[0], {size, size});
                                           });
    CHECK(relative_error(result.y, fixture.map(c, "y")) < 1e-5);
    CHECK(relative_error(result.grads[0], fixture.map(c, "dx")) < 1e-5);
  }
}

TEST_CASE("adaptive_pool refuses what is not a map and grids of nothing") {
  Tape tape;
  CHECK_THROWS_AS(ops::adaptive_pool(tape, tape.constant(Tensor::zeros({2, 3, 4})), {2, 2}),
                  ShapeError);
  CHECK_THROWS_AS(ops::adaptive_pool(tape, tape.constant(Tensor::zeros({2, 3, 0, 4})), {2, 2}),
                  ShapeError);
  CHECK_THROWS_AS(ops::adaptive_pool(tape, tape.constant(Tensor::zeros({2, 3, 3, 4})), {2, 0}),
                  ShapeError);
}

}  // namespace
}  // namespace tessera
