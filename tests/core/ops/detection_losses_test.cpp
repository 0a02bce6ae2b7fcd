#include "core/ops/detection_losses.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "tests/support/op_fixture.h"

namespace tessera {
namespace {

using test::relative_error;

double focal(double z, bool there, double alpha, double gamma) {
  const double p = 1.0 / (1.0 + std::exp(-(there ? z : -z)));
  const double a = alpha < 0.0 ? 1.0 : there ? alpha : 1.0 - alpha;
  return -a * std::pow(1.0 - p, gamma) * std::log(p);
}

Tensor some_classes(std::int64_t rows, std::int64_t classes) {
  Tensor labels = Tensor::empty({rows}, DType::kI32);
  Rng rng(3, Stream::kSynthetic, 0, 0);
  for (std::int32_t& label : labels.span<std::int32_t>()) {
    label = static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(classes) + 2)) - 2;
  }
  return labels;
}

/// One-hot rows of classes; a negative class is none.
Tensor onehot(const Tensor& labels, std::int64_t classes) {
  Tensor targets = Tensor::zeros({labels.numel(), classes});
  for (std::int64_t row = 0; row < labels.numel(); ++row) {
    const std::int32_t label = labels.data<std::int32_t>()[row];
    if (label >= 0) targets.f32()[row * classes + label] = 1.0f;
  }
  return targets;
}

TEST_CASE("sigmoid_focal_loss agrees with a double-precision reference") {
  for (const Shape& shape : {Shape{1, 1}, Shape{7, 5}, Shape{2500, 13}}) {
    for (const auto& [alpha, gamma] : {std::pair{0.25f, 2.0f}, {-1.0f, 1.5f}, {0.6f, 0.0f}}) {
      CAPTURE(to_string(shape));
      CAPTURE(gamma);
      const Tensor z = test::random_tensor(shape, 1, 4.0f);
      const Tensor labels = some_classes(shape[0], shape[1]);
      const Tensor targets = onehot(labels, shape[1]);
      double expected = 0.0;
      for (std::size_t i = 0; i < z.span().size(); ++i) {
        expected +=
            focal(double{z.span()[i]}, targets.span()[i] == 1.0f, double{alpha}, double{gamma});
      }
      Tape tape({.training = false});
      for (const Tensor& given : {labels, targets}) {
        const Var loss = ops::sigmoid_focal_loss(tape, tape.constant(z), given, 3.0,
                                                 {.alpha = alpha, .gamma = gamma});
        CHECK(double{loss.value.f32()[0]} == doctest::Approx(expected / 3.0).epsilon(2e-6));
      }
    }
  }
}

TEST_CASE("sigmoid_focal_loss of several anchors at a place, each with a weight") {
  constexpr std::int64_t kPlaces = 700, kAnchors = 3, kClasses = 5;
  const Tensor z = test::random_tensor({kPlaces, kAnchors * kClasses}, 1, 4.0f);
  const Tensor labels = some_classes(kPlaces * kAnchors, kClasses);
  const Tensor weights = test::random_tensor({kPlaces * kAnchors}, 2);
  for (float& weight : weights.span()) weight = std::max(0.0f, weight);
  double expected = 0.0;
  for (std::int64_t i = 0; i < z.numel(); ++i) {
    const std::int64_t row = i / kClasses;
    const bool there = labels.data<std::int32_t>()[row] == i % kClasses;
    expected += double{weights.f32()[row]} * focal(double{z.f32()[i]}, there, 0.25, 2.0);
  }
  Tape tape({.training = false});
  const Var loss = ops::sigmoid_focal_loss(
      tape, tape.constant(z), labels.reshape({kPlaces, kAnchors}), 3.0, {.weights = weights});
  CHECK(double{loss.value.f32()[0]} == doctest::Approx(expected / 3.0).epsilon(2e-6));
}

TEST_CASE("l1_loss agrees with a double-precision reference") {
  const Tensor x = test::random_tensor({2000, 4}, 1), target = test::random_tensor({2000, 4}, 2);
  const Tensor weights = test::random_tensor({2000}, 3);
  double expected = 0.0;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    expected +=
        double{weights.f32()[i / 4]} * std::abs(double{x.f32()[i]} - double{target.f32()[i]});
  }
  Tape tape({.training = false});
  const Var loss = ops::l1_loss(tape, tape.constant(x), target, weights, 7.0);
  CHECK(double{loss.value.f32()[0]} == doctest::Approx(expected / 7.0).epsilon(1e-6));
}

TEST_CASE("sigmoid_focal_loss and its gradient stay finite at any logit") {
  const Tensor z =
      Tensor::from({8}, std::vector<float>{-1e30f, -200, -90, -20, 20, 90, 200, 1e30f});
  const Tensor targets = Tensor::from({8}, std::vector<float>{0, 0, 0, 0, 1, 1, 1, 1});
  for (const bool right : {true, false}) {
    Tape tape;
    const Var logits = tape.leaf(z.reshape({8, 1}));
    Tensor truth = targets.clone().reshape({8, 1});
    if (!right) {
      for (float& target : truth.span()) target = 1.0f - target;
    }
    const Var loss = ops::sigmoid_focal_loss(tape, logits, truth, 1.0);
    tape.backward(loss);
    CHECK(std::isfinite(loss.value.f32()[0]));
    CHECK((loss.value.f32()[0] < 1e-15f) == right);
    const Tensor gradient = tape.grad(logits);
    for (const float value : gradient.span()) CHECK(std::isfinite(value));
  }
}

TEST_CASE("sigmoid_focal_loss and its gradient agree with torchvision") {
  const test::OpFixture fixture("op_losses.safetensors");
  int checked = 0;
  for (const auto& c : fixture.cases()) {
    if (c["op"] != "sigmoid_focal_loss") continue;
    CAPTURE(c.dump());
    const Tensor targets = fixture.tensor(c, "target");
    const ops::FocalLossConfig config{c["alpha"], c["gamma"]};
    const auto result =
        test::run_backward({fixture.tensor(c, "logits")}, Tensor::full({1}, 1.0f),
                           [&](Tape& t, std::span<const Var> v) {
                             return ops::sigmoid_focal_loss(t, v[0], targets, 1.0, config);
                           });
    double expected = 0.0;
    const Tensor losses = fixture.tensor(c, "loss");
    for (const float loss : losses.span()) expected += double{loss};
    CHECK(double{result.y.f32()[0]} == doctest::Approx(expected).epsilon(1e-5));
    CHECK(relative_error(result.grads[0], fixture.tensor(c, "dlogits")) < 1e-5);
    ++checked;
  }
  CHECK(checked == 4);
}

/// x0, y0, x1, y1 as distances from the origin.
Tensor from_origin(const Tensor& corners) {
  Tensor distances = corners.clone();
  for (std::int64_t i = 0; i < distances.numel(); ++i) {
    if (i % 4 < 2) distances.f32()[i] = -distances.f32()[i];
  }
  return distances;
}

TEST_CASE("box_loss and its gradient agree with torchvision, box by box") {
  const test::OpFixture fixture("op_losses.safetensors");
  for (const auto& c : fixture.cases()) {
    if (c["op"] != "giou_loss") continue;
    const Tensor pred = from_origin(fixture.tensor(c, "pred"));
    const Tensor target = from_origin(fixture.tensor(c, "target"));
    const Tensor loss = fixture.tensor(c, "loss"), iou = fixture.tensor(c, "iou");
    const Tensor dpred = from_origin(fixture.tensor(c, "dpred"));
    REQUIRE(pred.dim(0) == 12);
    for (std::int64_t row = 0; row < 12; ++row) {
      CAPTURE(row);
      const Tensor weights = Tensor::zeros({12});
      weights.f32()[row] = 2.0f;
      const auto run = [&](ops::BoxLoss kind) {
        return test::run_backward({pred}, Tensor::full({1}, 1.0f),
                                  [&](Tape& t, std::span<const Var> v) {
                                    return ops::box_loss(t, v[0], target, weights, 2.0, kind);
                                  });
      };
      const auto giou = run(ops::BoxLoss::kGiou);
      CHECK(giou.y.f32()[0] == doctest::Approx(loss.f32()[row]).epsilon(1e-5));
      for (std::int64_t i = 0; i < 48; ++i) {
        const float expected = i / 4 == row ? dpred.f32()[i] : 0.0f;
        CHECK(std::abs(giou.grads[0].f32()[i] - expected) < 1e-6f);
      }
      const auto plain = run(ops::BoxLoss::kIou);
      CHECK(plain.y.f32()[0] == doctest::Approx(1.0f - iou.f32()[13 * row]).epsilon(1e-5));
    }
  }
}

TEST_CASE("box_loss without a box to learn from is exactly 0") {
  Tape tape;
  const Var boxes = tape.leaf(Tensor::full({2, 3, 4}, 1.0f));
  const Var loss = ops::box_loss(tape, boxes, Tensor::zeros({2, 3, 4}), Tensor::zeros({2, 3}), 1.0);
  tape.backward(loss);
  CHECK(loss.value.f32()[0] == 0.0f);
  const Tensor gradient = tape.grad(boxes);
  for (const float value : gradient.span()) CHECK(value == 0.0f);
}

TEST_CASE("weighted_binary_cross_entropy agrees with a double-precision reference") {
  const Tensor z = test::random_tensor({2, 3001}, 1, 5.0f);
  const Tensor targets = test::random_tensor({6002}, 2), weights = test::random_tensor({6002}, 3);
  double expected = 0.0;
  for (std::size_t i = 0; i < 6002; ++i) {
    float& q = targets.span()[i];
    q = 1.0f / (1.0f + std::exp(-q));
    if (i % 3 == 0) weights.span()[i] = 0.0f;
    const double p = 1.0 / (1.0 + std::exp(-double{z.span()[i]}));
    expected -=
        double{weights.span()[i]} * (double{q} * std::log(p) + (1.0 - double{q}) * std::log1p(-p));
  }
  Tape tape({.training = false});
  const Var loss =
      ops::weighted_binary_cross_entropy(tape, tape.constant(z), targets, weights, 7.0);
  CHECK(double{loss.value.f32()[0]} == doctest::Approx(expected / 7.0).epsilon(1e-6));
}

TEST_CASE("losses of detection refuse shapes, types and values that do not fit") {
  Tape tape;
  const Var z = tape.constant(Tensor::zeros({3, 4}));
  const Tensor labels = Tensor::zeros({3}, DType::kI32), targets = Tensor::zeros({3, 4});
  const auto focal_of = [&](const Tensor& given, double divisor = 1.0) {
    ops::sigmoid_focal_loss(tape, z, given, divisor);
  };
  CHECK_THROWS_AS(focal_of(Tensor::zeros({4}, DType::kI32)), ShapeError);
  CHECK_THROWS_AS(focal_of(Tensor::zeros({4, 3})), ShapeError);
  CHECK_THROWS_AS(focal_of(labels, 0.0), ShapeError);
  CHECK_THROWS_AS(focal_of(Tensor::zeros({9}, DType::kI32)), ShapeError);  // thirds of 4 classes
  CHECK_THROWS_AS(ops::sigmoid_focal_loss(tape, z, labels, 1.0, {.weights = Tensor::zeros({2})}),
                  ShapeError);
  CHECK_THROWS_AS(ops::sigmoid_focal_loss(tape, z, targets, 1.0, {.weights = Tensor::zeros({2})}),
                  ShapeError);
  labels.data<std::int32_t>()[2] = 4;
  CHECK_THROWS_AS(focal_of(labels), DataError);
  CHECK_THROWS_AS(ops::l1_loss(tape, z, Tensor::zeros({3, 3}), Tensor::zeros({3}), 1.0),
                  ShapeError);
  CHECK_THROWS_AS(ops::l1_loss(tape, z, targets, Tensor::zeros({5}), 1.0), ShapeError);
  targets.f32()[5] = 0.5f;
  CHECK_THROWS_AS(focal_of(targets), DataError);
  const auto boxes_of = [&](const Shape& boxes, const Shape& wanted, const Shape& weights) {
    ops::box_loss(tape, tape.constant(Tensor::zeros(boxes)), Tensor::zeros(wanted),
                  Tensor::zeros(weights), 1.0);
  };
  CHECK_THROWS_AS(boxes_of({3, 5}, {3, 5}, {3}), ShapeError);
  CHECK_THROWS_AS(boxes_of({3, 4}, {2, 4}, {3}), ShapeError);
  CHECK_THROWS_AS(boxes_of({3, 4}, {4, 3}, {3}), ShapeError);
  CHECK_THROWS_AS(boxes_of({3, 4}, {3, 4}, {4}), ShapeError);
  CHECK_THROWS_AS(ops::weighted_binary_cross_entropy(tape, z, targets, Tensor::zeros({11}), 1.0),
                  ShapeError);
}

}  // namespace
}  // namespace tessera
