#include "core/ops/key_bias.h"

#include "core/error.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

const test::Op kOp = [](Tape& t, std::span<const Var> v) { return ops::without_key_bias(t, v[0]); };

TEST_CASE("the bias of the keys is zero and gets no gradient, the rest passes") {
  const Tensor bias = test::random_tensor({12}, 1);
  const test::OpResult result = test::run_op({bias}, kOp);
  const Tensor probe = test::random_tensor({12}, 977);
  for (std::size_t i = 0; i < 12; ++i) {
    CAPTURE(i);
    const bool key = i >= 4 && i < 8;
    CHECK(result.y.span()[i] == (key ? 0.0f : bias.span()[i]));
    CHECK(result.grads[0].span()[i] == (key ? 0.0f : probe.span()[i]));
    CHECK(bias.span()[i] != 0.0f);  // the parameter itself is left alone
  }
}

TEST_CASE("a bias that has no thirds is refused") {
  Tape tape;
  for (const Shape& shape : {Shape{4}, Shape{2, 3}, Shape{}}) {
    CHECK_THROWS_AS(ops::without_key_bias(tape, tape.constant(Tensor::zeros(shape))), ShapeError);
  }
  CHECK_THROWS_AS(ops::without_key_bias(tape, tape.constant(Tensor::zeros({3}, DType::kBF16))),
                  ShapeError);
}

}  // namespace
}  // namespace tessera
