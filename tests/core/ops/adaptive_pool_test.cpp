#include "core/ops/adaptive_pool.h"

#include "core/error.h"
#include "tests/support/op_fixture.h"

namespace tessera {
namespace {

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
