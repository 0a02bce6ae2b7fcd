// What the report computes of a network: filters, spectra, receptive fields, positions, motion.
#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "report/probes/attention_maps.h"
#include "report/probes/embedding_filters.h"
#include "report/probes/receptive_field.h"
#include "report/probes/translation.h"
#include "tests/support/tiny_model.h"

namespace tessera::report {
namespace {

struct Frozen {
  explicit Frozen(const ModelConfig& config) : model(config) {
    test::randomize(model);
    for (const ParameterStore::Entry& entry : model.parameters.entries()) {
      entry.parameter->frozen = true;
    }
  }
  Model model;
};

Tensor one_image(const ModelConfig& config) {
  return test::random_images(config, 1).reshape(
      {config.image_size[0], config.image_size[1], config.in_channels});
}

double energy(const Tensor& tensor) {
  double sum = 0.0;
  for (const float value : tensor.span()) sum += double{value} * double{value};
  return sum;
}

TEST_CASE("filters: of a linear embedding without norm they are its kernels, strongest first") {
  ModelConfig config = test::tiny_config();
  config.patch_embed.norm = false;
  Frozen frozen(config);
  const Tensor kernels = embedding_filters(frozen.model, one_image(config)).kernels;
  REQUIRE(kernels.shape() == Shape{16, 2, 2, 3});
  const Tensor& weight = frozen.model.parameters.find("patch_embed.proj.weight")->parameter->value;
  double last = std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < 16; ++i) {
    const Tensor kernel = kernels.slice(i * 12, {2, 2, 3});
    CHECK(energy(kernel) <= last);
    last = energy(kernel);
    bool found = false;  // as [3, 2, 2] among the weights
    for (std::int64_t d = 0; d < 16 && !found; ++d) {
      found = true;
      for (std::int64_t j = 0; j < 12; ++j) {
        const float own = weight.f32()[d * 12 + j % 3 * 4 + j / 3];
        found &= std::abs(own - kernel.f32()[j]) < 1e-6f;
      }
    }
    CHECK(found);
  }
}

TEST_CASE("spectrum: a wave is one frequency, and no energy is lost") {
  constexpr std::int64_t kSize = 16;
  Tensor wave = Tensor::empty({kSize, kSize, 1});
  for (std::int64_t i = 0; i < kSize * kSize; ++i) {
    const double x = static_cast<double>(i % kSize);
    wave.f32()[i] = static_cast<float>(std::cos(2.0 * std::numbers::pi * 4.0 * x / kSize));
  }
  const Tensor power = power_spectrum(wave, kSize);
  double total = 0.0;
  for (const float value : power.span()) total += double{value};
  CHECK(total == doctest::Approx(kSize * kSize * energy(wave)).epsilon(1e-5));
  const std::int64_t middle = kSize / 2;
  CHECK(double{power.f32()[middle * kSize + middle + 4]} == doctest::Approx(total / 2));
  CHECK(double{power.f32()[middle * kSize + middle - 4]} == doctest::Approx(total / 2));
  const std::vector<SpectrumPoint> rings = radial_mean(power);
  REQUIRE(rings.size() == 9);
  CHECK(rings.back().frequency == 0.5);
  for (std::size_t ring = 0; ring < rings.size(); ++ring) {
    CAPTURE(ring);
    CHECK((rings[ring].power > 1e-3) == (ring == 4));
  }
}

TEST_CASE("spectrum: of an odd kernel, padded, summed over channels") {
  Tensor kernel = Tensor::zeros({3, 3, 2});
  kernel.f32()[8] = 2.0f;  // one point: the same power everywhere
  const Tensor power = power_spectrum(kernel, 8);
  for (const float value : power.span()) CHECK(value == doctest::Approx(4.0f));
}

TEST_CASE("receptive field: the linear embedding sees its patch, a stage its windows") {
  const ModelConfig config = test::tiny_config();  // 16 px, patch 2, windows of 4 tokens
  Frozen frozen(config);
  const std::vector<ReceptiveField> fields =
      receptive_fields(frozen.model, test::random_images(config, 3));
  REQUIRE(fields.size() == 3);
  CHECK(fields[0].name == "embedding");
  CHECK(fields[1].name == "stage 0");
  CHECK(fields[0].token == Size2{4, 4});
  CHECK(fields[0].cell == Size2{2, 2});
  CHECK(fields[2].cell == Size2{4, 4});
  for (std::int64_t i = 0; i < 256; ++i) {
    const bool within = i / 16 / 2 == 4 && i % 16 / 2 == 4;
    CHECK((fields[0].strength.f32()[i] > 0.0f) == within);
    CHECK(fields[1].strength.f32()[i] > 0.0f);  // two windows, one of them shifted, reach all
  }
  CHECK(fields[0].share_within().back() == doctest::Approx(1.0));
  CHECK(fields[0].half_radius() <= 1.0);
  CHECK(fields[1].half_radius() > fields[0].half_radius());
}

TEST_CASE("receptive field: with a class token, the embedding's map tells where the token is") {
  Frozen frozen(test::tiny_vit_config());
  const std::vector<ReceptiveField> fields =
      receptive_fields(frozen.model, test::random_images(test::tiny_vit_config(), 2));
  REQUIRE(fields.size() == 2);
  CHECK(fields[1].cell == Size2{2, 2});
  const std::span<const float> strength = fields[1].strength.span();
  const auto strongest = std::max_element(strength.begin(), strength.end()) - strength.begin();
  CHECK(strongest / 16 / 2 == 4);
  CHECK(strongest % 16 / 2 == 4);
}

TEST_CASE("positions: the relative table, seen from the query") {
  const ModelConfig config = test::tiny_config();
  Frozen frozen(config);
  Tape tape({.training = false});
  ModelTrace trace;
  frozen.model.forward(tape, tape.constant(test::random_images(config, 1)), &trace);
  const std::vector<PositionMap> maps = position_maps(trace);
  REQUIRE(maps.size() == 4);
  REQUIRE(maps[0].heads.shape() == Shape{2, 7, 7});
  const Tensor& table =
      frozen.model.parameters.find("stages.0.blocks.0.attn.relative_position_bias_table")
          ->parameter->value;  // [49, heads], by query minus key
  for (std::int64_t head = 0; head < 2; ++head) {
    for (std::int64_t i = 0; i < 49; ++i) {
      CHECK(maps[0].heads.f32()[head * 49 + i] == table.f32()[(48 - i) * 2 + head]);
    }
  }
}

TEST_CASE("positions: a place is most like itself") {
  Frozen frozen(test::tiny_vit_config());
  const Tensor& table = frozen.model.parameters.find("pos_embed")->parameter->value;
  const Tensor cosines = position_similarity(table, {8, 8}, 2, 2);
  REQUIRE(cosines.shape() == Shape{4, 8, 8});
  CHECK(cosines.f32()[2 * 8 + 2] == doctest::Approx(1.0f));
  CHECK(cosines.f32()[3 * 64 + 6 * 8 + 6] == doctest::Approx(1.0f));
  CHECK(std::abs(cosines.f32()[0]) < 0.99f);
}

TEST_CASE("translation: an image that does not move keeps its answer") {
  Config config;
  config.model = test::tiny_config();
  Learner learner(config);
  test::randomize(learner.model());
  const Tensor images = test::random_images(config.model, 5);
  const std::vector<Translation> curve =
      translation_curve(learner, images, test::some_labels(config.model, 5), 3);
  REQUIRE(curve.size() == 4);
  CHECK(curve[0].logit_change == 0.0);
  CHECK(curve[0].same_answer == 1.0);
  CHECK(curve[3].logit_change > 0.0);
  // Images of one colour do not change when they move.
  const Tensor flat = Tensor::full(images.shape(), 0.5f);
  const std::vector<Translation> still =
      translation_curve(learner, flat, test::some_labels(config.model, 5), 1);
  CHECK(still[1].same_answer == 1.0);
}

}  // namespace
}  // namespace tessera::report
