#include "core/ops/space_to_depth.h"

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

}  // namespace
}  // namespace tessera
