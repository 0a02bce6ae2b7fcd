#include "report/probes/class_map.h"

#include <algorithm>
#include <cstddef>

#include "core/error.h"
#include "layers/stage_plan.h"

namespace tessera::report {
namespace {

/// Element `k` of logits [1, K], for its gradient.
Var logit(Tape& tape, const Var& logits, std::int64_t k) {
  OpScope op(tape, "logit");
  return tape.record(Tensor::full({1}, logits.value.f32()[k]), logits.id >= 0,
                     [target = logits.target(), k](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(target);
                       if (!sink) return;
                       if (!sink.accumulate) sink.grad.fill(0.0f);
                       sink.grad.f32()[k] += dy.f32()[0];
                     });
}

Tensor class_map(Model& model, std::vector<StageMap> maps, const Tensor& last, Size2 image,
                 std::int64_t k) {
  Tape tape;
  const Var leaf = tape.leaf(last);
  maps.back() = {leaf, leaf};
  tape.backward(logit(tape, model.head().forward(tape, maps, image).front(), k));
  const Tensor gradient = tape.grad(leaf);
  const std::int64_t height = last.dim(1), width = last.dim(2), channels = last.dim(3);
  std::vector<double> weights(static_cast<std::size_t>(channels), 0.0);
  for (std::int64_t i = 0; i < gradient.numel(); ++i) {
    weights[static_cast<std::size_t>(i % channels)] +=
        double{gradient.f32()[i]} / static_cast<double>(height * width);
  }
  Tensor map = Tensor::empty({height, width});
  for (std::int64_t token = 0; token < height * width; ++token) {
    double sum = 0.0;
    for (std::int64_t c = 0; c < channels; ++c) {
      sum += weights[static_cast<std::size_t>(c)] * double{last.f32()[token * channels + c]};
    }
    map.f32()[token] = static_cast<float>(std::max(0.0, sum));
  }
  return map;
}

/// The mean over the heads of the attention of one image's tokens: [N, N], a row what one pays.
std::vector<double> mean_attention(const ops::AttentionArguments& arguments) {
  const ops::AttentionProbabilities p = ops::attention_probabilities(arguments);
  const std::int64_t windows = p.values.dim(1), heads = p.values.dim(2), n = p.values.dim(3);
  if (windows != 1) {
    fail<ConfigError>("explain: attention is followed through models without windows alone (ViT)");
  }
  std::vector<double> mean(static_cast<std::size_t>(n * n), 0.0);
  const float* value = p.values.f32();
  for (std::int64_t head = 0; head < heads; ++head) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j, ++value) {
        const std::int64_t from = p.tokens[static_cast<std::size_t>(i)];
        const std::int64_t to = p.tokens[static_cast<std::size_t>(j)];
        mean[static_cast<std::size_t>(from * n + to)] +=
            double{*value} / static_cast<double>(heads);
      }
    }
  }
  return mean;
}

}  // namespace

std::vector<Tensor> class_maps(Model& model, const Tensor& image,
                               const std::vector<std::int64_t>& classes) {
  if (model.config().pool == Pooling::kToken) {
    fail<ConfigError>(
        "explain: the model answers by a class token, to which no place in the image contributes "
        "directly: --rollout follows its attention");
  }
  Tape tape({.training = false});
  const std::vector<StageMap> maps = model.backbone().forward(tape, tape.constant(image));
  const Tensor last = maps.back().normed.value;  // [1, h, w, C]
  std::vector<Tensor> result;
  for (const std::int64_t k : classes) {
    result.push_back(class_map(model, maps, last, {image.dim(1), image.dim(2)}, k));
  }
  return result;
}

Tensor attention_rollout(const ModelTrace& trace, const ModelConfig& config) {
  const ModelPlan plan = plan_model(config);
  if (plan.stages.size() != 1 || trace.attention.empty()) {
    fail<ConfigError>("explain: attention is followed through models without windows alone (ViT)");
  }
  const bool has_token = config.pool == Pooling::kToken;
  const Size2 grid = plan.embed.map;
  const auto tokens = static_cast<std::size_t>(grid[0] * grid[1] + (has_token ? 1 : 0));
  // What the output takes from the tokens of a layer, followed from the last layer to the first.
  std::vector<double> share(tokens, has_token ? 0.0 : 1.0 / static_cast<double>(tokens));
  if (has_token) share[0] = 1.0;
  for (auto block = trace.attention.rbegin(); block != trace.attention.rend(); ++block) {
    const std::vector<double> attention = mean_attention(*block);
    std::vector<double> before(tokens, 0.0);
    for (std::size_t i = 0; i < tokens; ++i) {
      before[i] += 0.5 * share[i];
      for (std::size_t j = 0; j < tokens; ++j) {
        before[j] += 0.5 * share[i] * attention[i * tokens + j];
      }
    }
    share = std::move(before);
  }
  Tensor map = Tensor::empty({grid[0], grid[1]});
  double sum = 0.0;
  for (std::size_t i = has_token ? 1 : 0; i < tokens; ++i) sum += share[i];
  for (std::int64_t i = 0; i < map.numel(); ++i) {
    map.f32()[i] = static_cast<float>(share[static_cast<std::size_t>(i) + (has_token ? 1 : 0)] /
                                      sum * static_cast<double>(map.numel()));
  }
  return map;
}

}  // namespace tessera::report
