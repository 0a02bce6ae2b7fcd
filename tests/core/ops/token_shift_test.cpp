#include "core/ops/token_shift.h"

#include "core/error.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

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
