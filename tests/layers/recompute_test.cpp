// Blocks that run once more in the backward pass.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "core/error.h"
#include "core/memory_pool.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

struct Pass {
  double loss;
  Tensor gradients;
};

Pass pass_of(Model& model, TapeOptions options, bool recompute) {
  options.recompute = recompute;
  const double loss = test::train_step(model, 4, options);
  return {loss, model.parameters.grads().clone()};
}

bool same_bits(const Tensor& a, const Tensor& b) { return std::ranges::equal(a.span(), b.span()); }

TEST_CASE("recomputed blocks give the same bits, with dropout and drop path too") {
  ModelConfig config;
  SUBCASE("Swin") { config = test::tiny_config(); }
  SUBCASE("Swin v2") { config = test::tiny_v2_config(); }
  SUBCASE("ViT") { config = test::tiny_vit_config(); }
  SUBCASE("tokens shifted") {
    config = test::tiny_config();
    config.token_shift = {0.5, 0.25};
  }
  config.drop_path = 0.3;
  for (const double dropout : {0.0, 0.2}) {
    config.dropout = dropout;
    Model model(config);
    test::randomize(model);
    const TapeOptions options{.seed = 9, .step = 4};
    const Pass kept = pass_of(model, options, false), again = pass_of(model, options, true);
    CHECK(kept.loss == again.loss);
    CHECK(same_bits(kept.gradients, again.gradients));
    CHECK(!same_bits(kept.gradients, pass_of(model, {.seed = 9, .step = 5}, true).gradients));
  }
}

TEST_CASE("recomputed blocks in bf16 give the same bits, and frozen ones get no gradient") {
  ModelConfig config = test::tiny_config();
  Model model(config);
  test::randomize(model);
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    entry.parameter->frozen =
        entry.name.starts_with("stages.0") || entry.name.starts_with("patch_embed");
  }
  const auto gradients = [&](bool recompute) {
    model.parameters.grads().fill(0.0f);
    model.parameters.clear_gradients();
    Tape tape({.recompute = recompute});
    const Tensor images = cast(test::random_images(config, 4), DType::kBF16);
    const Var logits = model.forward(tape, tape.constant(images))[0];
    tape.backward(ops::cross_entropy(tape, logits, test::some_labels(config, 4)));
    return model.parameters.grads().clone();
  };
  const Tensor kept = gradients(false);
  CHECK(same_bits(kept, gradients(true)));
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    CHECK(entry.parameter->grad_ready == !entry.parameter->frozen);
  }
}

TEST_CASE("recomputed blocks take less memory, and none from the system after the second step") {
  ModelConfig config = test::tiny_config();
  config.depths = {8, 2};
  Model model(config);
  test::randomize(model);
  const auto peak = [&](bool recompute) {
    const std::size_t before = Pool::global().stats().live_bytes;
    Pool::global().reset_peak();
    test::train_step(model, 16, {.recompute = recompute});
    return Pool::global().stats().peak_live_bytes - before;
  };
  CHECK(2 * peak(true) < peak(false));
  peak(true);
  const std::uint64_t allocations = Pool::global().stats().system_allocations;
  peak(true);
  CHECK(Pool::global().stats().system_allocations == allocations);
}

TEST_CASE("recomputed blocks name the layer of a gradient that is not finite") {
  ModelConfig config = test::tiny_config();
  Model model(config);
  test::randomize(model);
  const auto message = [&](bool recompute) {
    Tape tape({.check_finite = true, .recompute = recompute});
    const Var logits = model.forward(tape, tape.constant(test::random_images(config, 2)))[0];
    // Large enough for the gradient of a norm's weight to overflow.
    const Var loss = tape.record(
        Tensor::full({1}, 0.0f), true,
        [z = logits.target()](Tape& t, const Tensor&) { t.pass(z, Tensor::full(z.shape, 2e38f)); });
    try {
      tape.backward(loss);
    } catch (const NonFiniteError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message(false) != "");
  CHECK(message(true) == message(false));
}

TEST_CASE("a listener is told of each gradient once, when it is complete") {
  class Listener final : public GradientListener {
   public:
    void on_gradient(Parameter& parameter) override {
      ++calls[&parameter];
      const auto values = parameter.grad.span();
      seen[&parameter].assign(values.begin(), values.end());
    }
    std::map<Parameter*, int> calls;
    std::map<Parameter*, std::vector<float>> seen;
  };
  for (const bool recompute : {false, true}) {
    for (const ModelConfig& config : {test::tiny_config(), test::tiny_v2_config()}) {
      Model model(config);
      test::randomize(model);
      Listener listener;
      test::train_step(model, 2, {.recompute = recompute, .listener = &listener});
      for (const ParameterStore::Entry& entry : model.parameters.entries()) {
        CAPTURE(entry.name);
        CHECK(listener.calls[entry.parameter] == 1);
        CHECK(std::ranges::equal(listener.seen[entry.parameter], entry.parameter->grad.span()));
      }
    }
  }
}

}  // namespace
}  // namespace tessera
