#include <cmath>

#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/norms.h"
#include "tests/support/op_fixture.h"

namespace tessera {
namespace {

using ops::BatchStatistics;
using test::relative_error;

struct Layer {
  BatchStatistics running;
  explicit Layer(std::int64_t channels) : running(channels) {}
  void visit(ParameterVisitor& visitor) { running.visit(visitor); }
};

struct Moments {
  double mean = 0.0, variance = 0.0;
};

Moments moments_of(const Tensor& x, std::int64_t channel) {
  const std::int64_t channels = x.dim(-1), rows = x.shape().rows();
  Moments result;
  for (std::int64_t r = 0; r < rows; ++r) result.mean += double{x.f32()[r * channels + channel]};
  result.mean /= static_cast<double>(rows);
  for (std::int64_t r = 0; r < rows; ++r) {
    result.variance += std::pow(double{x.f32()[r * channels + channel]} - result.mean, 2.0);
  }
  result.variance /= static_cast<double>(rows);
  return result;
}

TEST_CASE("batch_norm agrees with a double-precision reference, far from zero too") {
  for (const Shape& shape :
       {Shape{2, 1}, Shape{2, 3, 5, 7}, Shape{3, 40, 31, 33}, Shape{1, 9, 9, 64}}) {
    for (const float shift : {0.0f, 300.0f}) {
      for (const bool relu : {false, true}) {
        CAPTURE(to_string(shape));
        CAPTURE(shift);
        const std::int64_t channels = shape[-1];
        const Tensor x = test::random_tensor(shape, 1);
        for (float& value : x.span()) value += shift;
        const Tensor gamma = test::random_tensor({channels}, 2);
        const Tensor beta = test::random_tensor({channels}, 3);
        Layer layer(channels);
        const ParameterStore store(layer);
        Tape tape;
        const Var y = ops::batch_norm(tape, tape.constant(x), tape.constant(gamma),
                                      tape.constant(beta), layer.running, {.relu = relu});
        Tensor expected = Tensor::empty(shape);
        for (std::int64_t c = 0; c < channels; ++c) {
          const Moments m = moments_of(x, c);
          const auto count = static_cast<double>(shape.rows());
          CHECK(double{layer.running.mean.value.f32()[c]} == doctest::Approx(0.1 * m.mean));
          CHECK(double{layer.running.variance.value.f32()[c]} ==
                doctest::Approx(0.9 + 0.1 * m.variance * count / (count - 1.0)));
          for (std::int64_t i = c; i < x.numel(); i += channels) {
            const double value = (double{x.f32()[i]} - m.mean) / std::sqrt(m.variance + 1e-5) *
                                     double{gamma.f32()[c]} +
                                 double{beta.f32()[c]};
            expected.f32()[i] = static_cast<float>(relu ? std::max(0.0, value) : value);
          }
        }
        CHECK(relative_error(y.value, expected) < (shift == 0.0f ? 1e-5 : 2e-4));
      }
    }
  }
}

TEST_CASE("batch_norm, its gradients and its running statistics agree with PyTorch") {
  const test::OpFixture fixture("op_norms.safetensors");
  int checked = 0;
  for (const auto& c : fixture.cases()) {
    if (c["op"] != "batch_norm") continue;
    CAPTURE(c.dump());
    const Tensor x = fixture.map(c, "x");
    Layer layer(x.dim(3));
    const ParameterStore store(layer);
    layer.running.mean.value.copy_from(fixture.tensor(c, "running_mean"));
    layer.running.variance.value.copy_from(fixture.tensor(c, "running_var"));
    const ops::BatchNormConfig config{
        .eps = c["eps"], .momentum = c["momentum"], .frozen = !c["train"].get<bool>()};
    const auto result =
        test::run_backward({x, fixture.tensor(c, "weight"), fixture.tensor(c, "bias")},
                           fixture.map(c, "dy"), [&](Tape& t, std::span<const Var> v) {
                             return ops::batch_norm(t, v[0], v[1], v[2], layer.running, config);
                           });
    CHECK(relative_error(result.y, fixture.map(c, "y")) < 1e-5);
    CHECK(relative_error(result.grads[0], fixture.map(c, "dx")) < 1e-5);
    CHECK(relative_error(result.grads[1], fixture.tensor(c, "dweight")) < 1e-5);
    CHECK(relative_error(result.grads[2], fixture.tensor(c, "dbias")) < 1e-5);
    const BatchStatistics& running = layer.running;
    CHECK(relative_error(running.mean.value, fixture.tensor(c, "running_mean_after")) < 1e-6);
    CHECK(relative_error(running.variance.value, fixture.tensor(c, "running_var_after")) < 1e-6);
    ++checked;
  }
  CHECK(checked == 5);
}

TEST_CASE("batch_norm evaluates with running statistics, which stay") {
  Layer layer(3);
  const ParameterStore store(layer);
  layer.running.mean.value.fill(2.0f);
  layer.running.variance.value.fill(4.0f);
  const Tensor x = test::random_tensor({1, 1, 1, 3}, 1);
  const Tensor one = Tensor::full({3}, 1.0f), zero = Tensor::zeros({3});
  Tape tape({.training = false});
  const Var y = ops::batch_norm(tape, tape.constant(x), tape.constant(one), tape.constant(zero),
                                layer.running);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(y.value.span()[c] == doctest::Approx((x.span()[c] - 2.0f) / 2.0f).epsilon(1e-5));
    CHECK(layer.running.mean.value.span()[c] == 2.0f);
    CHECK(layer.running.variance.value.span()[c] == 4.0f);
  }
}

TEST_CASE("batch_norm with ReLU is ReLU of batch_norm, gradients too") {
  const std::vector<Tensor> inputs = {test::random_tensor({3, 7, 5, 12}, 1),
                                      test::random_tensor({12}, 2), test::random_tensor({12}, 3)};
  Layer layer(12);
  const ParameterStore store(layer);
  const auto fused = test::run_op(inputs, [&](Tape& t, std::span<const Var> v) {
    return ops::batch_norm(t, v[0], v[1], v[2], layer.running, {.relu = true});
  });
  const auto apart = test::run_op(inputs, [&](Tape& t, std::span<const Var> v) {
    return ops::relu(t, ops::batch_norm(t, v[0], v[1], v[2], layer.running));
  });
  CHECK(relative_error(fused.y, apart.y) == 0.0);
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(relative_error(fused.grads[i], apart.grads[i]) < 1e-6);
  }
}

TEST_CASE("batch_norm refuses shapes that do not fit and a single value a channel") {
  Layer layer(4);
  const ParameterStore store(layer);
  Tape tape;
  const auto run = [&](const Shape& x, const Shape& gamma, const Shape& beta) {
    ops::batch_norm(tape, tape.constant(Tensor::zeros(x)), tape.constant(Tensor::zeros(gamma)),
                    tape.constant(Tensor::zeros(beta)), layer.running);
  };
  CHECK_THROWS_AS(run({4}, {4}, {4}), ShapeError);
  CHECK_THROWS_AS(run({2, 3, 3, 4}, {3}, {4}), ShapeError);
  CHECK_THROWS_AS(run({2, 3, 3, 4}, {4}, {5}), ShapeError);
  CHECK_THROWS_AS(run({2, 3, 3, 5}, {5}, {5}), ShapeError);
  CHECK_THROWS_WITH_AS(run({1, 1, 1, 4}, {4}, {4}),
                       "[batch_norm] x [1, 1, 1, 4] has 1 value a channel: batch statistics need "
                       "2; take a larger batch, frozen statistics or group norm",
                       ShapeError);
}

}  // namespace
}  // namespace tessera
