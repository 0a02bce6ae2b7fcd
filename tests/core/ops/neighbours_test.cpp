#include "core/ops/neighbours.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::random_tensor;

// Straight from the definition: block value (dw, dh, c) or zero outside the map.
Tensor reference(const Tensor& x, std::int64_t bh, std::int64_t bw) {
  const std::int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  const std::int64_t rows = (height + bh - 1) / bh, columns = (width + bw - 1) / bw;
  Tensor y = Tensor::empty({x.dim(0), rows, columns, bh * bw * channels});
  float* to = y.f32();
  const auto at = [&](std::int64_t b, std::int64_t i, std::int64_t j, std::int64_t c) {
    return i < height && j < width ? x.f32()[((b * height + i) * width + j) * channels + c] : 0.0f;
  };
  for (std::int64_t b = 0; b < x.dim(0); ++b) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        for (std::int64_t dw = 0; dw < bw; ++dw)
          for (std::int64_t dh = 0; dh < bh; ++dh)
            for (std::int64_t c = 0; c < channels; ++c) *to++ = at(b, i * bh + dh, j * bw + dw, c);
      }
    }
  }
  return y;
}

TEST_CASE("space_to_depth gathers blocks") {
  struct Case {
    Shape x;
    std::array<std::int64_t, 2> block;
  };
  for (const Case& c :
       {Case{{1, 2, 2, 1}, {2, 2}}, Case{{2, 8, 12, 3}, {4, 4}}, Case{{2, 7, 5, 3}, {2, 2}},
        Case{{1, 9, 7, 5}, {3, 2}}, Case{{1, 5, 7, 4}, {1, 1}}, Case{{3, 65, 63, 16}, {2, 2}}}) {
    CAPTURE(to_string(c.x));
    const Tensor x = random_tensor(c.x, 1);
    const Tensor expected = reference(x, c.block[0], c.block[1]);
    Tape tape({.training = false});
    const Var y = ops::space_to_depth(tape, tape.constant(x), c.block);
    REQUIRE(y.shape() == expected.shape());
    CHECK(test::relative_error(y.value, expected) == 0.0);
  }
}

TEST_CASE("patch merging concatenates the neighbours (0,0), (1,0), (0,1), (1,1)") {
  const Tensor x =
      Tensor::from({1, 2, 2, 1}, std::vector<float>{0, 1, 10, 11});  // value 10 dh + dw
  Tape tape({.training = false});
  const Tensor y = ops::space_to_depth(tape, tape.constant(x), {2, 2}).value;
  CHECK(std::vector<float>(y.span().begin(), y.span().end()) == std::vector<float>{0, 10, 1, 11});
}

TEST_CASE("blocks and maps that do not fit are refused") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({1, 3, 3, 2}));
  CHECK_THROWS_AS(ops::space_to_depth(tape, x, {0, 2}), ShapeError);
  CHECK_THROWS_AS(ops::space_to_depth(tape, tape.constant(Tensor::zeros({3, 3})), {2, 2}),
                  ShapeError);
}

using test::random_tensor;

// Straight from the definition.
Tensor reference(const Tensor& x, const PatchGrid& g) {
  const std::int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  const std::int64_t depth = g.views * g.kernel[0] * g.kernel[1] * channels;
  Tensor y = Tensor::empty({x.dim(0), g.places[0], g.places[1], depth});
  float* to = y.f32();
  for (std::int64_t b = 0; b < x.dim(0); ++b) {
    for (std::int64_t place = 0; place < g.places[0] * g.places[1]; ++place) {
      for (std::int64_t k = 0; k < depth; ++k) {
        const std::int64_t c = k % channels, dw = k / channels % g.kernel[1];
        const std::int64_t dh = k / channels / g.kernel[1] % g.kernel[0];
        const auto& origin = g.origins[static_cast<std::size_t>(k / (depth / g.views))];
        const std::int64_t i = place / g.places[1] * g.stride[0] + origin[0] + dh;
        const std::int64_t j = place % g.places[1] * g.stride[1] + origin[1] + dw;
        const bool inside = i >= 0 && i < height && j >= 0 && j < width;
        *to++ = inside ? x.f32()[((b * height + i) * width + j) * channels + c] : 0.0f;
      }
    }
  }
  return y;
}

PatchGrid grid(std::array<std::int64_t, 2> places, std::array<std::int64_t, 2> kernel,
               std::array<std::int64_t, 2> stride,
               std::vector<std::array<std::int64_t, 2>> origins) {
  PatchGrid g{.places = places, .kernel = kernel, .stride = stride};
  g.views = static_cast<int>(origins.size());
  std::copy(origins.begin(), origins.end(), g.origins.begin());
  return g;
}

TEST_CASE("gather_patches gathers overlapping, padded and shifted patches") {
  struct Case {
    Shape x;
    PatchGrid grid;
  };
  const std::vector<Case> cases = {
      {{1, 1, 1, 1}, grid({1, 1}, {1, 1}, {1, 1}, {{0, 0}})},
      {{2, 9, 7, 3}, grid({5, 4}, {3, 3}, {2, 2}, {{-1, -1}})},
      {{1, 8, 8, 1}, grid({2, 2}, {4, 4}, {4, 4}, {{0, 0}, {-2, -2}, {2, 2}, {-2, 2}})},
      {{2, 5, 7, 5}, grid({3, 4}, {2, 2}, {2, 2}, {{0, 0}, {-1, 0}, {0, -1}, {0, 1}, {1, 0}})},
      {{1, 3, 4, 2}, grid({3, 2}, {7, 9}, {1, 2}, {{-3, -4}})},  // wider than the map
      {{1, 4, 4, 2}, grid({2, 2}, {2, 2}, {2, 2}, {{-9, 0}})},   // nothing but zeros
      {{3, 33, 31, 17}, grid({33, 31}, {3, 2}, {1, 1}, {{-1, 0}})},
  };
  for (const Case& c : cases) {
    CAPTURE(to_string(c.x));
    const Tensor x = random_tensor(c.x, 1);
    const Tensor expected = reference(x, c.grid);
    Tape tape({.training = false});
    const Var y = ops::gather_patches(tape, tape.constant(x), c.grid);
    REQUIRE(y.shape() == expected.shape());
    CHECK(test::relative_error(y.value, expected) == 0.0);
  }
}

TEST_CASE("kernel_rows puts kernels into the order of gathered patches") {
  // O = 1, two views of two channels, 1 x 3: values 100 view + 10 channel + pixel
  const Tensor kernel = Tensor::from(
      {1, 4, 1, 3}, std::vector<float>{0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112});
  Tape tape({.training = false});
  const Tensor rows = ops::kernel_rows(tape, tape.constant(kernel), 2).value;
  CHECK(rows.shape() == Shape{1, 12});
  CHECK(std::vector<float>(rows.span().begin(), rows.span().end()) ==
        std::vector<float>{0, 10, 1, 11, 2, 12, 100, 110, 101, 111, 102, 112});
}

TEST_CASE("gather_patches and kernel_rows refuse what does not fit") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({1, 4, 4, 2}));
  const PatchGrid good = grid({2, 2}, {2, 2}, {2, 2}, {{0, 0}});
  const auto refuse = [&](auto change) {
    PatchGrid bad = good;
    change(bad);
    CHECK_THROWS_AS(ops::gather_patches(tape, x, bad), ShapeError);
  };
  CHECK(ops::gather_patches(tape, x, good).shape() == Shape{1, 2, 2, 8});
  refuse([](PatchGrid& g) { g.kernel[0] = 0; });
  refuse([](PatchGrid& g) { g.stride[1] = 0; });
  refuse([](PatchGrid& g) { g.places[0] = 0; });
  refuse([](PatchGrid& g) { g.views = 0; });
  refuse([](PatchGrid& g) { g.views = 10; });
  CHECK_THROWS_AS(ops::gather_patches(tape, tape.constant(Tensor::zeros({4, 4, 2})), good),
                  ShapeError);
  CHECK_THROWS_AS(ops::kernel_rows(tape, x, 3), ShapeError);
  CHECK_THROWS_AS(ops::kernel_rows(tape, tape.constant(Tensor::zeros({4, 4})), 1), ShapeError);
}

using test::random_tensor;

// Where channel c of token (i, j) comes from, straight from the definition.
Tensor reference(const Tensor& x, std::int64_t moved) {
  const std::int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  Tensor y = Tensor::empty(x.shape());
  float* to = y.f32();
  for (std::int64_t b = 0; b < x.dim(0); ++b) {
    for (std::int64_t place = 0; place < height * width; ++place) {
      for (std::int64_t c = 0; c < channels; ++c) {
        std::int64_t i = place / width, j = place % width;
        if (c < moved) {
          i -= 1;
        } else if (c < 2 * moved) {
          i += 1;
        } else if (c < 3 * moved) {
          j -= 1;
        } else if (c < 4 * moved) {
          j += 1;
        }
        const bool inside = i >= 0 && i < height && j >= 0 && j < width;
        *to++ = inside ? x.f32()[((b * height + i) * width + j) * channels + c] : 0.0f;
      }
    }
  }
  return y;
}

TEST_CASE("token_shift takes channels from above, below, left and right") {
  struct Case {
    Shape x;
    std::int64_t moved;
  };
  for (const Case& c : {Case{{1, 1, 1, 4}, 1}, Case{{2, 3, 5, 9}, 2}, Case{{1, 4, 2, 8}, 2},
                        Case{{2, 3, 3, 5}, 0}, Case{{3, 17, 33, 48}, 6}}) {
    CAPTURE(to_string(c.x));
    const Tensor x = random_tensor(c.x, 1);
    Tape tape({.training = false});
    const Tensor y = ops::token_shift(tape, tape.constant(x), c.moved).value;
    CHECK(test::relative_error(y, reference(x, c.moved)) == 0.0);
  }
}

TEST_CASE("token_shift refuses more channels than there are") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({1, 2, 2, 7}));
  CHECK_THROWS_AS(ops::token_shift(tape, x, 2), ShapeError);
  CHECK_THROWS_AS(ops::token_shift(tape, x, -1), ShapeError);
  CHECK_THROWS_AS(ops::token_shift(tape, tape.constant(Tensor::zeros({2, 2, 8})), 1), ShapeError);
}

}  // namespace
}  // namespace tessera
