#include "tasks/simmim/simmim.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <set>
#include <utility>

#include "core/error.h"
#include "layers/heads/pixel_head.h"
#include "tests/support/thread_peers.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

ModelConfig filling_config() {
  ModelConfig config = test::tiny_config();
  config.head.type = HeadType::kPixels;
  config.head.masking.ratio = 0.5;  // of 16 squares of 4 x 4 pixels
  return config;
}

Batch batch_of(const ModelConfig& config, std::int64_t count) {
  Batch batch;
  batch.images = test::random_images(config, count);
  return batch;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

Tensor mask_of(const ModelConfig& config, const TapeOptions& options, std::int64_t batch) {
  const Tape tape(options);
  return draw_hidden(tape, config, batch, config.image_size).mask;
}

TEST_CASE("as many squares of every image are hidden, others of each and in each step") {
  ModelConfig config = filling_config();
  const Tensor mask = mask_of(config, {.seed = 3, .step = 5}, 8);
  CHECK(mask.shape() == Shape{8, 4, 4});
  std::set<std::vector<float>> kinds;
  for (std::int64_t b = 0; b < 8; ++b) {
    const auto row = mask.span().subspan(static_cast<std::size_t>(16 * b), 16);
    CHECK(std::accumulate(row.begin(), row.end(), 0.0f) == 8.0f);
    kinds.insert({row.begin(), row.end()});
  }
  CHECK(kinds.size() == 8);
  CHECK(same(mask_of(config, {.seed = 3, .step = 5}, 8), mask));
  CHECK(!same(mask_of(config, {.seed = 4, .step = 5}, 8), mask));
  CHECK(!same(mask_of(config, {.seed = 3, .step = 6}, 8), mask));
  CHECK(!same(mask_of(config, {.training = false, .seed = 3, .step = 5}, 8), mask));

  config.head.masking = {.side = 8, .ratio = 0.6};  // ceil(0.6 * 4)
  for (int b = 0; b < 4; ++b) {
    const Tensor few = mask_of(config, {.seed = static_cast<std::uint64_t>(b)}, 1);
    CHECK(few.shape() == Shape{1, 2, 2});
    CHECK(std::accumulate(few.span().begin(), few.span().end(), 0.0f) == 3.0f);
  }
}

TEST_CASE("what is hidden of a sample does not depend on what stands beside it") {
  const ModelConfig config = filling_config();
  const Tensor whole = mask_of(config, {.seed = 3, .step = 5}, 8);
  const std::vector<std::int64_t> places{6, 1};
  const Tensor part = mask_of(config, {.seed = 3, .step = 5, .part = {.places = places}}, 2);
  CHECK(same(part.slice(0, {4, 4}), whole.slice(6 * 16, {4, 4})));
  CHECK(same(part.slice(16, {4, 4}), whole.slice(16, {4, 4})));
}

TEST_CASE("every parameter of a model that fills in learns; of hidden pixels it sees nothing") {
  using enum PatchEmbedType;
  for (const auto& [vit, embed] : {std::pair{false, kLinear},
                                   {true, kLinear},
                                   {false, kOverlap},
                                   {true, kOverlap},
                                   {false, kConvStem},
                                   {false, kShifted},
                                   {false, kCrossScale}}) {
    CAPTURE(vit);
    CAPTURE(static_cast<int>(embed));
    ModelConfig config = vit ? test::tiny_vit_config() : filling_config();
    config.head = filling_config().head;
    config.head.masking.side = 4;
    config.pool = Pooling::kMean;
    config.patch_embed.type = embed;
    Model model(config);
    test::randomize(model);
    const Simmim task(config);
    Batch batch = batch_of(config, 3);
    const auto fill = [&] {
      Tape tape({.seed = 7});
      model.parameters.clear_gradients();
      const std::vector<Var> outputs = model.forward(tape, tape.constant(batch.images));
      CHECK(outputs[PixelOutput::kPixels].shape() == Shape{3, 16, 16, 3});
      const std::vector<Tensor> values{outputs[0].value.clone(), outputs[1].value.clone()};
      tape.backward(task.loss(tape, outputs, batch));
      model.parameters.complete_gradients();
      return values;
    };
    const std::vector<Tensor> first = fill();
    for (const ParameterStore::Entry& entry : model.parameters.entries()) {
      // Of the keys no bias matters: softmax takes it away.
      CAPTURE(entry.name);
      double sum = 0.0;
      for (const float g : entry.parameter->grad.span()) sum += std::abs(double{g});
      CHECK(std::isfinite(sum));
      CHECK(sum > 0.0);
    }
    for (std::int64_t i = 0; i < batch.images.numel(); ++i) {
      const std::int64_t x = i / 3 % 16, y = i / 48 % 16, b = i / 768;
      if (first[1].f32()[(b * 4 + y / 4) * 4 + x / 4] != 0.0f) batch.images.f32()[i] += 3.0f;
    }
    CHECK(same(fill()[0], first[0]));
  }
}

/// The loss and the share explained by plain loops.
std::array<double, 2> figures(const Tensor& filled, const Tensor& mask, const Tensor& images,
                              std::int64_t side) {
  std::vector<double> hidden, error;
  for (std::int64_t i = 0; i < images.numel(); ++i) {
    const std::int64_t x = i / 3 % 16, y = i / 48 % 16, b = i / 768;
    if (mask.f32()[(b * (16 / side) + y / side) * (16 / side) + x / side] == 0.0f) continue;
    hidden.push_back(double{images.f32()[i]});
    error.push_back(double{filled.f32()[i]} - double{images.f32()[i]});
  }
  double mean = 0.0, loss = 0.0, unexplained = 0.0, variance = 0.0;
  const auto count = static_cast<double>(hidden.size());
  for (const double value : hidden) mean += value / count;
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    loss += std::abs(error[i]) / count;
    unexplained += error[i] * error[i];
    variance += (hidden[i] - mean) * (hidden[i] - mean);
  }
  return {loss, 1.0 - unexplained / variance};
}

TEST_CASE("loss and figures are those of plain loops, and two halves are one whole") {
  const ModelConfig config = filling_config();
  Model model(config);
  test::randomize(model);
  const Batch batch = batch_of(config, 4);
  const Simmim task(config);
  Tape tape({.seed = 7});
  const std::vector<Var> outputs = model.forward(tape, tape.constant(batch.images));
  const std::vector<Tensor> values{outputs[0].value, outputs[1].value};
  const auto [loss, explained] = figures(values[0], values[1], batch.images, 4);
  CHECK(double{task.loss(tape, outputs, batch).value.f32()[0]} ==
        doctest::Approx(loss).epsilon(1e-5));
  const auto whole = task.evaluation_meter();
  whole->add(values, batch);
  CHECK(whole->values().value("loss") == doctest::Approx(loss).epsilon(1e-6));
  CHECK(whole->values().value("explained") == doctest::Approx(explained).epsilon(1e-6));
  CHECK(task.training_meter()->values().find("loss") == nullptr);

  const auto halves = task.evaluation_meter();
  for (const std::int64_t first : {0, 2}) {
    const auto half = task.evaluation_meter();
    Batch part;
    part.images = test::rows_of(batch.images, first, 2);
    const std::vector<Tensor> own{test::rows_of(values[0], first, 2),
                                  values[1].slice(first * 16, {2, 4, 4})};
    half->add(own, part);
    MeterState state;
    half->exchange(state);
    MeterState received(state.bytes());
    const auto other = task.evaluation_meter();
    other->exchange(received);
    halves->merge(*other);
  }
  for (const Metric& metric : whole->values()) {
    CHECK(halves->values().value(metric.name) == doctest::Approx(metric.value).epsilon(1e-12));
  }
}

TEST_CASE("pictures: the image, grey where it was hidden, and the colours that were filled in") {
  ModelConfig config = filling_config();
  const Simmim task(config);
  const Batch batch = batch_of(config, 1);
  const Tensor filled = Tensor::full({1, 16, 16, 3}, 1.0f), mask = Tensor::zeros({1, 4, 4});
  mask.f32()[6] = 1.0f;  // rows 4 to 7, columns 8 to 11
  Image photo{{16, 16, 3}, std::vector<std::uint8_t>(768, 7)};
  const std::vector<Image> pictures = task.draw(photo, std::vector{filled, mask}, batch, 0,
                                                {{0.1f, 0.2f, 0.3f}, {0.5f, 0.5f, 2.0f}});
  REQUIRE(pictures.size() == 3);
  CHECK(pictures[0].pixels == photo.pixels);
  for (std::size_t i = 0; i < 768; ++i) {
    const std::size_t c = i % 3, x = i / 3 % 16, y = i / 48;
    const bool hidden = y / 4 == 1 && x / 4 == 2;
    CHECK(pictures[1].pixels[i] == (hidden ? 128 : 7));
    CHECK(pictures[2].pixels[i] == (!hidden ? 7 : c == 0 ? 153 : c == 1 ? 179 : 255));
  }
}

TEST_CASE("what cannot be hidden is said with a way out") {
  const auto problem = [](auto change) {
    ModelConfig config = filling_config();
    change(config);
    try {
      const Model model(config);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(problem([](ModelConfig&) {}).empty());
  CHECK(problem([](ModelConfig& c) {
          c.head.masking.side = 16;
        }).find("hides 1 of the 1 squares") != std::string::npos);
  CHECK(problem([](ModelConfig& c) { c.head.masking.ratio = 0.0; }).find("hides 0 of the 16") !=
        std::string::npos);
  CHECK(problem([](ModelConfig& c) { c.head.masking.side = 5; }).find("use 6") !=
        std::string::npos);
  CHECK(problem([](ModelConfig& c) {
          c.patch_embed.type = PatchEmbedType::kSliding;
        }).find("sliding") != std::string::npos);
}

}  // namespace
}  // namespace tessera
