#include <cmath>

#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/norms.h"
#include "tests/support/op_fixture.h"

namespace tessera {
namespace {

using test::relative_error;

Tensor reference(const Tensor& x, const Tensor& gamma, const Tensor& beta, std::int64_t groups) {
  const std::int64_t channels = x.dim(-1), width = channels / groups;
  const std::int64_t sample = x.numel() / x.dim(0);
  Tensor y = Tensor::empty(x.shape());
  for (std::int64_t at = 0; at < x.numel(); ++at) {
    const std::int64_t begin = at / sample * sample, group = at % channels / width;
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t i = begin; i < begin + sample; ++i) {
        if (i % channels / width != group) continue;
        const double value = double{x.f32()[i]};
        if (pass == 0) {
          sum += value;
          count += 1.0;
        } else {
          squares += (value - sum / count) * (value - sum / count);
        }
      }
    }
    y.f32()[at] =
        static_cast<float>((double{x.f32()[at]} - sum / count) / std::sqrt(squares / count + 1e-5) *
                               double{gamma.f32()[at % channels]} +
                           double{beta.f32()[at % channels]});
  }
  return y;
}

TEST_CASE("group_norm agrees with a double-precision reference") {
  for (const auto& [shape, groups] : {std::pair{Shape{2, 3, 5, 6}, 3},
                                      {Shape{1, 1, 1, 4}, 2},
                                      {Shape{3, 4, 1, 33}, 11},
                                      {Shape{2, 7, 9, 8}, 1}}) {
    CAPTURE(to_string(shape));
    const Tensor x = test::random_tensor(shape, 1);
    const Tensor gamma = test::random_tensor({shape[-1]}, 2);
    const Tensor beta = test::random_tensor({shape[-1]}, 3);
    const Tensor expected = reference(x, gamma, beta, groups);
    Tape tape({.training = false});
    for (const bool relu : {false, true}) {
      const Var y = ops::group_norm(tape, tape.constant(x), tape.constant(gamma),
                                    tape.constant(beta), {.groups = groups, .relu = relu});
      for (float& value : expected.span()) value = relu ? std::max(0.0f, value) : value;
      CHECK(relative_error(y.value, expected) < 1e-5);
    }
  }
}

TEST_CASE("group_norm and its gradients agree with PyTorch") {
  const test::OpFixture fixture("op_norms.safetensors");
  int checked = 0;
  for (const auto& c : fixture.cases()) {
    if (c["op"] != "group_norm") continue;
    CAPTURE(c.dump());
    const ops::GroupNormConfig config{.groups = c["groups"], .eps = c["eps"]};
    const auto result = test::run_backward(
        {fixture.map(c, "x"), fixture.tensor(c, "weight"), fixture.tensor(c, "bias")},
        fixture.map(c, "dy"), [&](Tape& t, std::span<const Var> v) {
          return ops::group_norm(t, v[0], v[1], v[2], config);
        });
    CHECK(relative_error(result.y, fixture.map(c, "y")) < 1e-5);
    CHECK(relative_error(result.grads[0], fixture.map(c, "dx")) < 1e-5);
    CHECK(relative_error(result.grads[1], fixture.tensor(c, "dweight")) < 1e-5);
    CHECK(relative_error(result.grads[2], fixture.tensor(c, "dbias")) < 1e-5);
    ++checked;
  }
  CHECK(checked == 5);
}

TEST_CASE("group_norm with ReLU is ReLU of group_norm, gradients too") {
  const std::vector<Tensor> inputs = {test::random_tensor({3, 7, 5, 12}, 1),
                                      test::random_tensor({12}, 2), test::random_tensor({12}, 3)};
  const auto fused = test::run_op(inputs, [&](Tape& t, std::span<const Var> v) {
    return ops::group_norm(t, v[0], v[1], v[2], {.groups = 4, .relu = true});
  });
  const auto apart = test::run_op(inputs, [&](Tape& t, std::span<const Var> v) {
    return ops::relu(t, ops::group_norm(t, v[0], v[1], v[2], {.groups = 4}));
  });
  CHECK(relative_error(fused.y, apart.y) == 0.0);
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(relative_error(fused.grads[i], apart.grads[i]) < 1e-6);
  }
}

TEST_CASE("group_norm refuses shapes and groups that do not fit") {
  Tape tape;
  const auto run = [&](const Shape& x, std::int64_t channels, std::int64_t groups) {
    const Var parameter = tape.constant(Tensor::zeros({channels}));
    ops::group_norm(tape, tape.constant(Tensor::zeros(x)), parameter, parameter,
                    {.groups = groups});
  };
  CHECK_THROWS_AS(run({4}, 4, 1), ShapeError);
  CHECK_THROWS_AS(run({2, 3, 3, 4}, 3, 1), ShapeError);
  CHECK_THROWS_AS(run({2, 3, 3, 4}, 4, 3), ShapeError);
  CHECK_THROWS_AS(run({2, 3, 3, 4}, 4, 0), ShapeError);
}

}  // namespace
}  // namespace tessera
