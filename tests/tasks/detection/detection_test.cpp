#include "tasks/detection/detection.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "layers/model.h"
#include "optim/adamw.h"
#include "tasks/detection/meter.h"
#include "tests/support/thread_peers.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

ModelConfig detector() {
  ModelConfig config = test::tiny_config();
  config.image_size = {32, 32};
  config.num_classes = 3;
  config.head.type = HeadType::kFcos;
  config.head.channels = 16;
  config.head.convs = 1;
  config.head.detector.groups = 4;
  config.head.detector.levels = {4, 8};
  return config;
}

/// Two images, one of them without boxes.
Batch some_batch(const ModelConfig& config) {
  Batch batch{.images = test::random_images(config, 2), .labels = {}};
  batch.boxes = {{{.x0 = 4.0f, .y0 = 5.0f, .x1 = 17.0f, .y1 = 20.0f, .label = 1, .area = 195.0f},
                  {.x0 = 20.0f, .y0 = 8.0f, .x1 = 29.0f, .y1 = 15.0f, .label = 2, .area = 63.0f}},
                 {}};
  batch.samples = {0, 1};
  batch.original_sizes = {{32, 32, 3}, {32, 32, 3}};
  for (const auto& boxes : batch.boxes)
    batch.originals.push_back({.label = 0, .mask = {}, .boxes = boxes});
  return batch;
}

std::vector<Tensor> values_of(const std::vector<Var>& outputs) {
  std::vector<Tensor> values;
  for (const Var& output : outputs) values.push_back(output.value);
  return values;
}

TEST_CASE("a detector learns a batch until it finds its boxes and nothing else") {
  ModelConfig config = detector();
  SUBCASE("fcos") {}
  SUBCASE("retinanet") {
    config.head.type = HeadType::kRetinaNet;
    config.head.detector.anchors = {8, 12, 16, 24};
  }
  Model model(config);
  model.parameters.initialize(3, 0.05f);
  const DetectionTask task(config);
  const Batch batch = some_batch(config);
  AdamW optimizer({}, model.parameters);
  Tape tape;
  double first = 0.0, last = 0.0;
  for (int step = 0; step < 150; ++step) {
    tape.reset({.step = static_cast<std::uint64_t>(step)});
    model.parameters.clear_gradients();
    const auto outputs = model.forward(tape, tape.constant(batch.images));
    const Var loss = task.loss(tape, outputs, batch);
    last = double{loss.value.f32()[0]};
    if (step == 0) first = last;
    tape.backward(loss);
    model.parameters.complete_gradients();
    for (const auto& entry : model.parameters.entries()) {
      CAPTURE(entry.name);
      for (const float g : entry.parameter->grad.span()) REQUIRE(std::isfinite(g));
    }
    optimizer.step(5e-3, 1.0f);
  }
  CHECK(last < 0.5 * first);

  tape.reset({.training = false});
  const auto meter = task.evaluation_meter();
  meter->add(values_of(model.forward(tape, tape.constant(batch.images))), batch);
  const Metrics metrics = meter->values();
  CHECK(metrics.value("ap50") == doctest::Approx(1.0));
  CHECK(metrics.value("ap") > 0.7);
  CHECK(metrics.value("loss") == doctest::Approx(last).epsilon(0.3));
}

TEST_CASE("a batch without boxes trains its classes alone") {
  const ModelConfig config = detector();
  Model model(config);
  model.parameters.initialize(3, 0.05f);
  Batch batch = some_batch(config);
  batch.boxes = {{}, {}};
  Tape tape;
  const auto outputs = model.forward(tape, tape.constant(batch.images));
  const DetectorLosses losses = detection_losses(tape, config, outputs, batch);
  CHECK(losses.classes.value.f32()[0] > 0.0f);
  CHECK(losses.boxes.value.f32()[0] == 0.0f);
  CHECK(losses.centreness.value.f32()[0] == 0.0f);
  const DetectionTask task(config);
  const Var loss = task.loss(tape, outputs, batch);
  tape.backward(loss);
  model.parameters.complete_gradients();
  for (const auto& entry : model.parameters.entries()) {
    for (const float g : entry.parameter->grad.span()) REQUIRE(std::isfinite(g));
  }
}

TEST_CASE("the meter of training gives the parts of the loss; meters of parts merge") {
  ModelConfig config = detector();
  SUBCASE("fcos") {}
  SUBCASE("fcos, boxes by centreness") {
    config.head.detector.box_weight = FcosBoxWeight::kCentreness;
  }
  SUBCASE("retinanet") {
    config.head.type = HeadType::kRetinaNet;
    config.head.detector.anchors = {8, 12, 16, 24};
  }
  Model model(config);
  test::randomize(model);
  const DetectionTask task(config);
  const Batch batch = some_batch(config);
  Tape tape({.training = false});
  const auto outputs = model.forward(tape, tape.constant(batch.images));
  const auto training = task.training_meter();
  training->add(values_of(outputs), batch);
  const Metrics parts = training->values();
  double sum = 0.0;
  for (const Metric& part : parts) sum += part.value;
  CHECK(sum == doctest::Approx(double{task.loss(tape, outputs, batch).value.f32()[0]}));

  // The parts of a batch, of which the second has no boxes: together what the whole has.
  const auto halves = task.training_meter();
  for (std::int64_t i = 0; i < 2; ++i) {
    std::vector<Tensor> half;
    for (const Var& output : outputs) {
      std::vector<std::int64_t> dims{1};
      for (int d = 1; d < output.shape().rank(); ++d) dims.push_back(output.shape()[d]);
      half.push_back(output.value.slice(i * output.value.numel() / 2, Shape(dims)));
    }
    Batch part = batch;
    part.images = test::rows_of(batch.images, i, 1);
    part.boxes = {batch.boxes[static_cast<std::size_t>(i)]};
    const auto meter = task.training_meter();
    meter->add(half, part);
    halves->merge(*meter);
  }
  for (const Metric& metric : parts) {
    CAPTURE(metric.name);
    CHECK(halves->values().value(metric.name) == doctest::Approx(metric.value).epsilon(1e-6));
  }

  Batch other = batch;
  other.samples = {2, 3};
  const auto both = task.evaluation_meter(), one = task.evaluation_meter(),
             two = task.evaluation_meter();
  both->add(values_of(outputs), batch);
  both->add(values_of(outputs), other);
  one->add(values_of(outputs), batch);
  two->add(values_of(outputs), other);
  one->merge(*two);
  for (const Metric& metric : both->values()) {
    CHECK(one->values().value(metric.name) == doctest::Approx(metric.value));
  }

  Batch without = batch;
  without.originals.clear();
  CHECK_THROWS_AS(both->add(values_of(outputs), without), DataError);
}

TEST_CASE("of equal scores in two images the one of the lower id comes first") {
  const ModelConfig config = detector();
  std::vector<Tensor> outputs;
  for (const std::int64_t side : {8, 4}) {
    outputs.push_back(Tensor::full({2, side, side, 3}, -20.0f));
    outputs.push_back(Tensor::full({2, side, side, 4}, 6.0f));
    outputs.push_back(Tensor::full({2, side, side, 1}, 5.0f));
  }
  for (const std::int64_t image : {0, 1}) {  // 8 to 20 in both directions
    outputs[0].f32()[((image * 8 + 3) * 8 + 3) * 3 + 1] = 3.0f;
  }
  Batch batch = some_batch(config);
  batch.originals[0].boxes = {
      {.x0 = 8.0f, .y0 = 8.0f, .x1 = 20.0f, .y1 = 20.0f, .label = 1, .area = 144.0f}};
  const auto ap = [&](std::vector<std::int64_t> ids) {
    batch.ids = std::move(ids);
    DetectionMeter meter(config);
    meter.add(outputs, batch);
    return meter.values().value("ap");
  };
  CHECK(ap({3, 5}) == doctest::Approx(1.0));
  CHECK(ap({5, 3}) == doctest::Approx(0.5));
}

TEST_CASE("drawn targets are boxes within the image") {
  const ModelConfig config = detector();
  Batch batch{.images = Tensor::zeros({3, 32, 48, 3}), .labels = {}};
  Rng rng(1, Stream::kSynthetic, 0, 0);
  DetectionTask(config).draw_targets(batch, rng);
  REQUIRE(batch.boxes.size() == 3);
  for (const auto& boxes : batch.boxes) {
    CHECK(!boxes.empty());
    for (const Box& box : boxes) {
      CHECK(box.x0 >= 0.0f);
      CHECK(box.x1 > box.x0);
      CHECK(box.x1 <= 48.001f);
      CHECK(box.y1 <= 32.001f);
      CHECK(box.label < 3);
    }
  }
}

}  // namespace
}  // namespace tessera
