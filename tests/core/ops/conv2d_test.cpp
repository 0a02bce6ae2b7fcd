#include "core/ops/conv2d.h"

#include "core/error.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

using ops::Conv2dConfig;
using test::random_tensor;
using test::relative_error;

Tensor reference(const Tensor& x, const Tensor& weight, const Tensor& bias,
                 const Conv2dConfig& config) {
  const std::int64_t batch = x.dim(0), height = x.dim(1), width = x.dim(2), in = x.dim(3);
  const std::int64_t out = weight.dim(0), in_group = weight.dim(1), kh = weight.dim(2);
  const std::int64_t kw = weight.dim(3), out_group = out / config.groups;
  const auto size = [&](std::int64_t extent, std::int64_t kernel, std::size_t axis) {
    return (extent + config.pad_begin[axis] + config.pad_end[axis] - kernel) / config.stride[axis] +
           1;
  };
  const std::int64_t rows = size(height, kh, 0), columns = size(width, kw, 1);
  Tensor y = Tensor::empty({batch, rows, columns, out});
  float* to = y.f32();
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t position = 0; position < rows * columns; ++position) {
      const std::int64_t top = position / columns * config.stride[0] - config.pad_begin[0];
      const std::int64_t left = position % columns * config.stride[1] - config.pad_begin[1];
      for (std::int64_t o = 0; o < out; ++o) {
        double sum = bias ? double{bias.f32()[o]} : 0.0;
        for (std::int64_t k = 0; k < in_group * kh * kw; ++k) {
          const std::int64_t i = top + k / kw % kh, j = left + k % kw;
          if (i < 0 || i >= height || j < 0 || j >= width) continue;
          const std::int64_t channel = o / out_group * in_group + k / (kh * kw);
          sum += double{x.f32()[((b * height + i) * width + j) * in + channel]} *
                 double{weight.f32()[o * in_group * kh * kw + k]};
        }
        *to++ = static_cast<float>(sum);
      }
    }
  }
  return y;
}

struct ConvCase {
  Shape x;
  Shape weight;
  Conv2dConfig config;
};

const std::vector<ConvCase> kConvCases = {
    {{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {{2, 8, 8, 3}, {16, 3, 4, 4}, {.stride = {4, 4}}},
    {{2, 9, 11, 3}, {5, 3, 3, 3}, {.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}}},
    {{1, 7, 10, 4}, {8, 4, 3, 2}, {.stride = {2, 3}, .pad_begin = {0, 1}, .pad_end = {2, 0}}},
    {{1, 10, 9, 3}, {7, 3, 2, 2}, {.stride = {4, 4}}},  // rows and columns that no window reads
    {{2, 6, 5, 6}, {9, 2, 3, 3}, {.pad_begin = {1, 1}, .pad_end = {1, 1}, .groups = 3}},
    {{2, 6, 5, 16}, {16, 1, 3, 3}, {.pad_begin = {1, 1}, .pad_end = {1, 1}, .groups = 16}},
    {{2, 14, 14, 32}, {48, 32, 3, 3}, {.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}}},
};

TEST_CASE("conv2d agrees with a double-precision reference") {
  for (const ConvCase& c : kConvCases) {
    CAPTURE(to_string(c.x));
    CAPTURE(to_string(c.weight));
    const Tensor x = random_tensor(c.x, 1), weight = random_tensor(c.weight, 2);
    const Tensor bias = random_tensor({c.weight[0]}, 3);
    const Tensor expected = reference(x, weight, bias, c.config);
    Tape tape({.training = false});
    const Var y =
        ops::conv2d(tape, tape.constant(x), tape.constant(weight), tape.constant(bias), c.config);
    REQUIRE(y.shape() == expected.shape());
    CHECK(relative_error(y.value, expected) < 1e-5);
  }
}

TEST_CASE("conv2d gives only the gradients that are wanted") {
  const ConvCase& c = kConvCases[2];
  const Tensor x = random_tensor(c.x, 1), weight = random_tensor(c.weight, 2);
  const Tensor bias = random_tensor({c.weight[0]}, 3);
  test::check_gradients({bias}, [&](Tape& t, std::span<const Var> v) {
    return ops::conv2d(t, t.constant(x), t.constant(weight), v[0], c.config);
  });
  test::check_gradients({weight}, [&](Tape& t, std::span<const Var> v) {
    return ops::conv2d(t, t.constant(x), v[0], t.constant(bias), c.config);
  });
}

TEST_CASE("conv2d refuses shapes that do not fit") {
  Tape tape;
  const auto zeros = [&](const Shape& shape) { return tape.constant(Tensor::zeros(shape)); };
  const Var x = zeros({1, 5, 6, 4}), weight = zeros({8, 4, 3, 3});
  const auto run = [&](const Var& x_, const Var& weight_, const Var& bias,
                       const Conv2dConfig& config = {}) {
    return ops::conv2d(tape, x_, weight_, bias, config);
  };
  CHECK(run(x, weight, zeros({8})).shape() == Shape{1, 3, 4, 8});
  CHECK_THROWS_AS(run(zeros({5, 6, 4}), weight, Var{}), ShapeError);
  CHECK_THROWS_AS(run(x, zeros({8, 4, 9}), Var{}), ShapeError);
  CHECK_THROWS_AS(run(x, zeros({8, 3, 3, 3}), Var{}), ShapeError);
  CHECK_THROWS_AS(run(x, weight, zeros({4})), ShapeError);
  CHECK_THROWS_AS(run(x, weight, Var{}, {.groups = 3}), ShapeError);
  CHECK_THROWS_AS(run(x, weight, Var{}, {.groups = 2}), ShapeError);
  CHECK_THROWS_AS(run(x, weight, Var{}, {.groups = 0}), ShapeError);
  CHECK_THROWS_AS(run(x, weight, Var{}, {.stride = {0, 1}}), ShapeError);
  CHECK_THROWS_AS(run(x, weight, Var{}, {.pad_begin = {-1, 0}}), ShapeError);
  CHECK_THROWS_AS(run(x, zeros({8, 4, 6, 3}), Var{}), ShapeError);
}

}  // namespace
}  // namespace tessera
