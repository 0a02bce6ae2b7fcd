#include "train/learner.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "tests/support/paths.h"
#include "tests/support/tiny_model.h"
#include "train/initial_model.h"

namespace tessera {
namespace {

Config tiny() {
  Config config;
  config.model = test::tiny_config();
  config.optim.lr = 0.01;
  return config;
}

const Tensor& state_of(const std::vector<NamedTensor>& state, const std::string& name) {
  for (const NamedTensor& named : state) {
    if (named.name == name) return named.tensor;
  }
  FAIL("no state ", name);
  return state.front().tensor;
}

bool same_bits(const Tensor& a, const Tensor& b) { return std::ranges::equal(a.span(), b.span()); }

TEST_CASE("learner: averages begin with the weights it starts from") {
  Config config = tiny();
  config.optim.ema = 0.9;
  Model weights(config.model);
  test::randomize(weights);
  Learner learner(config);
  learner.start_from(weights.parameters);
  const Tensor& values = learner.model().parameters.values();
  CHECK(same_bits(values, weights.parameters.values()));
  CHECK(same_bits(state_of(learner.state(), "weights"), values));
  for (const NamedTensor& averaged : learner.evaluated()) {
    CHECK(same_bits(averaged.tensor, weights.parameters.find(averaged.name)->parameter->value));
  }
}

TEST_CASE("learner: an evaluation answers with the averages, and after it with the weights") {
  Config config = tiny();
  config.optim.ema = 0.5;
  config.train.precision = Precision::kBF16;
  Learner learner(config);
  const Batch batch{.images = test::random_images(config.model, 4),
                    .labels = test::some_labels(config.model, 4)};
  const auto answers = [&] {
    const Tensor logits = learner.predict(batch.images);
    return std::vector<float>(logits.span().begin(), logits.span().end());
  };
  std::vector<float> last;
  for (std::int64_t step = 0; step < 3; ++step) {
    learner.update(std::span(&batch, 1), step, 0.1);
    const std::vector<float> trained = answers();
    {
      const Learner::Evaluation evaluation(learner);
      const std::vector<float> averaged = answers();
      CHECK(averaged != trained);
      CHECK(averaged != last);
      CHECK(averaged == answers());
      last = averaged;
    }
    CHECK(answers() == trained);
  }
}

TEST_CASE("learner: gradients accumulated over batches update as those of one large batch") {
  Config config = tiny();
  config.optim.name = OptimizerName::kSgd;
  config.optim.clip_norm = 0.05;  // of the mean gradient: it must clip both alike
  const Batch whole{.images = test::random_images(config.model, 8),
                    .labels = test::some_labels(config.model, 8)};
  const std::int64_t half = whole.images.numel() / 2;
  std::vector<Batch> parts(2);
  for (std::int64_t i = 0; i < 2; ++i) {
    Batch& part = parts[static_cast<std::size_t>(i)];
    part.images = Tensor::empty(
        {4, config.model.image_size[0], config.model.image_size[1], config.model.in_channels});
    part.labels = Tensor::empty({4}, DType::kI32);
    std::copy_n(whole.images.f32() + i * half, half, part.images.f32());
    std::copy_n(whole.labels.data<std::int32_t>() + 4 * i, 4, part.labels.data<std::int32_t>());
  }
  Learner one(config), two(config);
  const Tensor start = one.model().parameters.values().clone();
  const UpdateResult a = one.update(std::span(&whole, 1), 0, 0.1);
  const UpdateResult b = two.update(parts, 0, 0.1);
  CHECK(b.loss == doctest::Approx(a.loss).epsilon(1e-5));
  CHECK(b.grad_norm == doctest::Approx(a.grad_norm).epsilon(1e-4));
  CHECK(a.grad_norm > config.optim.clip_norm);
  CHECK(b.metrics.value("top1") == a.metrics.value("top1"));
  double moved = 0.0, apart = 0.0;
  for (std::size_t i = 0; i < start.span().size(); ++i) {
    const float value = one.model().parameters.values().span()[i];
    moved = std::max(moved, std::abs(double{value} - double{start.span()[i]}));
    apart = std::max(apart,
                     std::abs(double{value} - double{two.model().parameters.values().span()[i]}));
  }
  CHECK(moved > 1e-4);
  CHECK(apart < 1e-3 * moved);
}

TEST_CASE("learner: frozen parameters keep their bits through updates, the others move") {
  for (const OptimizerName name :
       {OptimizerName::kAdamW, OptimizerName::kMuon, OptimizerName::kSgd}) {
    Config config = tiny();
    config.optim.name = name;
    config.optim.freeze = {"patch_embed.*", "stages.0.*"};
    Learner learner(config);
    const Tensor before = learner.model().parameters.values().clone();
    const Batch batch{.images = test::random_images(config.model, 4),
                      .labels = test::some_labels(config.model, 4)};
    for (std::int64_t step = 0; step < 3; ++step) {
      learner.update(std::span(&batch, 1), step, config.optim.lr);
    }
    for (const ParameterStore::Entry& entry : learner.model().parameters.entries()) {
      CAPTURE(entry.name);
      const bool frozen =
          entry.name.starts_with("patch_embed.") || entry.name.starts_with("stages.0.");
      bool same = true;
      for (std::int64_t i = 0; i < entry.parameter->shape.numel(); ++i) {
        same &= entry.parameter->value.f32()[i] == before.f32()[entry.offset + i];
      }
      CHECK(same == frozen);
    }
  }
}

TEST_CASE("initial model: weights of another geometry and head, from a file of another framework") {
  Config config = tiny();
  config.model.image_size = {32, 32};
  config.model.num_classes = 3;
  config.model.window_size = {8, 8};
  config.init.weights = test::fixture("timm_swin_32.safetensors");
  CHECK_THROWS_AS(load_initial_model(config), CheckpointError);
  config.init.allow_missing = {"head.*"};
  const InitialModel initial = load_initial_model(config);
  CHECK(initial.report.naming == Naming::kTimm);
  CHECK(initial.report.count(LoadReport::Status::kFitted) == 4);
  const ParameterStore::Entry* head = initial.model->parameters.find("head.weight");
  CHECK(head->parameter->value.f32()[0] != 0.0f);
  config.init.fit = false;
  CHECK_THROWS_AS(load_initial_model(config), CheckpointError);
}

}  // namespace
}  // namespace tessera
