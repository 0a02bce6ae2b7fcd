#include <cmath>

#include "core/error.h"
#include "core/ops/cross_entropy.h"
#include "tests/support/op_fixture.h"

namespace tessera {
namespace {

using test::relative_error;

Tensor some_labels(const Shape& shape, std::int64_t classes, std::int32_t ignored) {
  Tensor labels = Tensor::empty(shape, DType::kI32);
  Rng rng(11, Stream::kSynthetic, 0, 0);
  for (std::int32_t& label : labels.span<std::int32_t>()) {
    label = static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(classes) + 1));
    if (label == classes) label = ignored;
  }
  return labels;
}

double reference(const Tensor& z, const Tensor& labels, std::int32_t ignored,
                 const Tensor& weights) {
  const std::int64_t classes = z.dim(3);
  double loss = 0.0, total = 0.0;
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    const std::int32_t label = labels.data<std::int32_t>()[i];
    if (label == ignored) continue;
    double sum = 0.0;
    for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(double{z.f32()[i * classes + k]});
    const double weight = weights ? double{weights.f32()[label]} : 1.0;
    loss += weight * (std::log(sum) - double{z.f32()[i * classes + label]});
    total += weight;
  }
  return total == 0.0 ? 0.0 : loss / total;
}

TEST_CASE("pixel_cross_entropy agrees with a double-precision reference") {
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, Shape{2, 3, 5, 7}, Shape{1, 70, 67, 3}, Shape{3, 9, 8, 150}}) {
    for (const bool weighted : {false, true}) {
      CAPTURE(to_string(shape));
      const Tensor z = test::random_tensor(shape, 1, 3.0f);
      const Tensor labels = some_labels({shape[0], shape[1], shape[2]}, shape[3], -1);
      Tensor weights;
      if (weighted) weights = Tensor::full({shape[3]}, 0.5f);
      if (weighted) weights.f32()[0] = 2.5f;
      Tape tape({.training = false});
      const Var loss = ops::pixel_cross_entropy(tape, tape.constant(z), labels,
                                                {.ignored = -1, .weights = weights});
      CHECK(double{loss.value.f32()[0]} ==
            doctest::Approx(reference(z, labels, -1, weights)).epsilon(1e-6));
    }
  }
}

TEST_CASE("pixel_cross_entropy and its gradient agree with PyTorch") {
  const test::OpFixture fixture("op_losses.safetensors");
  int checked = 0;
  for (const auto& c : fixture.cases()) {
    if (c["op"] != "cross_entropy_map") continue;
    CAPTURE(c.dump());
    const std::string kind = c["kind"];
    ops::PixelLossConfig config{.ignored = c["ignore_index"]};
    if (kind == "weight") config.weights = fixture.tensor(c, "weight");
    const Tensor labels = fixture.tensor(c, "target");
    float counted = 1.0f;
    if (kind == "sum") {
      const auto all = labels.span<std::int32_t>();
      counted = static_cast<float>(all.size()) -
                static_cast<float>(std::count(all.begin(), all.end(), config.ignored));
    }
    const auto result =
        test::run_backward({fixture.map(c, "logits")}, Tensor::full({1}, counted),
                           [&](Tape& t, std::span<const Var> v) {
                             return ops::pixel_cross_entropy(t, v[0], labels, config);
                           });
    result.y.f32()[0] *= counted;
    CHECK(relative_error(result.y, fixture.tensor(c, "loss")) < 1e-5);
    CHECK(relative_error(result.grads[0], fixture.map(c, "dlogits")) < 1e-5);
    ++checked;
  }
  CHECK(checked == 3);
}

TEST_CASE("pixel_cross_entropy is 0 with a gradient of 0 where no pixel counts") {
  const Tensor labels = Tensor::empty({1, 2, 3}, DType::kI32);
  for (std::int32_t& label : labels.span<std::int32_t>()) label = 255;
  Tape tape;
  const Var z = tape.leaf(test::random_tensor({1, 2, 3, 4}, 1));
  const Var loss = ops::pixel_cross_entropy(tape, z, labels);
  CHECK(loss.value.f32()[0] == 0.0f);
  tape.backward(loss);
  const Tensor gradient = tape.grad(z);
  for (const float value : gradient.span()) CHECK(value == 0.0f);
}

TEST_CASE("pixel_cross_entropy gives ignored pixels a gradient of 0") {
  const Tensor labels = some_labels({1, 5, 7}, 3, 255);
  Tape tape;
  const Var z = tape.leaf(test::random_tensor({1, 5, 7, 3}, 1));
  tape.backward(ops::pixel_cross_entropy(tape, z, labels));
  bool some = false;
  for (std::int64_t i = 0; i < 35; ++i) {
    const bool ignored = labels.data<std::int32_t>()[i] == 255;
    some = some || ignored;
    for (std::int64_t k = 0; k < 3; ++k) {
      CHECK((tape.grad(z).f32()[3 * i + k] == 0.0f) == ignored);
    }
  }
  CHECK(some);
}

TEST_CASE("pixel_cross_entropy refuses shapes, weights and labels that do not fit") {
  Tape tape;
  const Var z = tape.constant(Tensor::zeros({2, 3, 4, 5}));
  const Tensor labels = Tensor::zeros({2, 3, 4}, DType::kI32);
  CHECK_THROWS_AS(ops::pixel_cross_entropy(tape, tape.constant(Tensor::zeros({2, 5})), labels),
                  ShapeError);
  CHECK_THROWS_AS(ops::pixel_cross_entropy(tape, z, Tensor::zeros({2, 4, 3}, DType::kI32)),
                  ShapeError);
  CHECK_THROWS_AS(ops::pixel_cross_entropy(tape, z, Tensor::zeros({2, 3, 4})), ShapeError);
  CHECK_THROWS_AS(ops::pixel_cross_entropy(tape, z, labels, {.weights = Tensor::zeros({4})}),
                  ShapeError);
  labels.data<std::int32_t>()[12 + 4 + 3] = 5;
  CHECK_THROWS_WITH_AS(ops::pixel_cross_entropy(tape, z, labels),
                       "[pixel_cross_entropy] label 5 of image 1, row 1, column 3 is neither in "
                       "[0, 5) nor the ignored 255",
                       DataError);
  labels.data<std::int32_t>()[12 + 4 + 3] = -1;
  CHECK_THROWS_AS(ops::pixel_cross_entropy(tape, z, labels), DataError);
}

}  // namespace
}  // namespace tessera
