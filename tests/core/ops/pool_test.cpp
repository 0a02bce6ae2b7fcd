#include "core/ops/pool.h"

#include "core/error.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

TEST_CASE("mean_pool agrees with a double-precision reference") {
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, Shape{2, 3, 5, 7}, Shape{3, 7, 7, 97}, Shape{5, 9, 8, 192}}) {
    CAPTURE(to_string(shape));
    const Tensor x = test::random_tensor(shape, 1);
    const std::int64_t positions = shape[1] * shape[2], channels = shape[3];
    Tensor expected = Tensor::empty({shape[0], channels});
    for (std::int64_t b = 0; b < shape[0]; ++b) {
      for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0.0;
        for (std::int64_t p = 0; p < positions; ++p) {
          sum += double{x.f32()[(b * positions + p) * channels + c]};
        }
        expected.f32()[b * channels + c] = static_cast<float>(sum / static_cast<double>(positions));
      }
    }
    Tape tape({.training = false});
    CHECK(test::relative_error(ops::mean_pool(tape, tape.constant(x)).value, expected) < 1e-5);
  }
}

TEST_CASE("mean_pool refuses what is not a map") {
  Tape tape;
  CHECK_THROWS_AS(ops::mean_pool(tape, tape.constant(Tensor::zeros({2, 3, 4}))), ShapeError);
  CHECK_THROWS_AS(ops::mean_pool(tape, tape.constant(Tensor::zeros({2, 0, 4, 3}))), ShapeError);
}

}  // namespace
}  // namespace tessera
