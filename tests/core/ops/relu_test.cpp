#include "core/ops/relu.h"

#include <limits>

#include "tests/support/op_check.h"

namespace tessera {
namespace {

using test::random_tensor;

const test::Op kRelu = [](Tape& t, std::span<const Var> v) { return ops::relu(t, v[0]); };

TEST_CASE("relu keeps what is positive, with slope 0 at 0") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{-2.0f, -0.0f, 0.0f, 1e-30f, 3.0f};
  const Tensor x = Tensor::from({5}, values);
  const test::OpResult result = test::run_op({x}, kRelu);
  const Tensor probe = random_tensor({5}, 977);
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    CHECK(result.y.span()[i] == std::max(values[i], 0.0f));
    CHECK(result.grads[0].span()[i] == (values[i] > 0.0f ? probe.span()[i] : 0.0f));
  }
  Tape tape({.training = false});
  CHECK(std::isnan(ops::relu(tape, tape.constant(Tensor::full({1}, nan))).value.f32()[0]));
}

}  // namespace
}  // namespace tessera
