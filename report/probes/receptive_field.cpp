#include "report/probes/receptive_field.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/rng.h"
#include "layers/patch/patch_embed.h"
#include "layers/stage_plan.h"

namespace tessera::report {
namespace {

/// sum(weights * y), both f32.
Var weighted_sum(Tape& tape, const Var& y, const Tensor& weights) {
  OpScope op(tape, "weighted_sum");
  const std::span<const float> values = y.value.span(), factors = weights.span();
  const double sum = std::inner_product(values.begin(), values.end(), factors.begin(), 0.0);
  return tape.record(Tensor::full({1}, static_cast<float>(sum)), y.id >= 0,
                     [target = y.target(), weights](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(target);
                       if (!sink) return;
                       const float scale = dy.f32()[0], beta = sink.beta();
                       const float* factor = weights.f32();
                       float* grad = sink.grad.f32();
                       for (std::int64_t i = 0; i < weights.numel(); ++i) {
                         grad[i] = scale * factor[i] + (sink.accumulate ? beta * grad[i] : 0.0f);
                       }
                     });
}

}  // namespace

Tensor pixel_gradient(const Tensor& images, const std::function<Var(Tape&, const Var&)>& forward,
                      const std::function<Tensor(const Shape&)>& weights) {
  Tape tape;
  const Var input = tape.leaf(images);
  const Var y = forward(tape, input);
  tape.backward(weighted_sum(tape, y, weights(y.shape())));
  return tape.grad(input);
}

namespace {

/// Where the tokens of a map lie in the image, and which is in its middle.
struct Place {
  Size2 map{};
  Size2 cell{};   ///< pixels
  Size2 token{};  ///< row and column
};

/// After the embedding (`depth` 0) or after stage `depth` - 1.
Place place_of(const ModelConfig& config, std::size_t depth) {
  const ModelPlan plan = plan_model(config);
  // With a class token the stage's map is a row: that token, then those of the embedding's map.
  const bool as_embedded = depth == 0 || config.pool == Pooling::kToken;
  Place place{.map = as_embedded ? plan.embed.map : plan.stages[depth - 1].map};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    place.cell[axis] = config.image_size[axis] / plan.embed.map[axis];
    if (!as_embedded) place.cell[axis] <<= depth - 1;  // each merging joins two by two
    place.token[axis] =
        std::min(config.image_size[axis] / 2 / place.cell[axis], place.map[axis] - 1);
  }
  return place;
}

/// Random signs at one token, which is one of the last of its map: [B, ..., C].
Tensor signs_at(const Shape& shape, const Place& place) {
  Tensor signs = Tensor::zeros(shape);
  const std::int64_t batch = shape[0], channels = shape[-1];
  const std::int64_t all = shape[1] * shape[2], extra = all - place.map[0] * place.map[1];
  const std::int64_t token = extra + place.token[0] * place.map[1] + place.token[1];
  for (std::int64_t i = 0; i < batch; ++i) {
    Rng rng(0, Stream::kSynthetic, 0, static_cast<std::uint64_t>(i));
    for (std::int64_t c = 0; c < channels; ++c) {
      signs.f32()[(i * all + token) * channels + c] = rng.below(2) == 0 ? -1.0f : 1.0f;
    }
  }
  return signs;
}

/// [B, H, W, C] -> [H, W]
Tensor root_mean_square(const Tensor& gradient) {
  const std::int64_t batch = gradient.dim(0), channels = gradient.dim(3);
  const std::int64_t pixels = gradient.dim(1) * gradient.dim(2);
  Tensor strength = Tensor::zeros({gradient.dim(1), gradient.dim(2)});
  for (std::int64_t i = 0; i < batch * pixels * channels; ++i) {
    const float value = gradient.f32()[i];
    strength.f32()[i / channels % pixels] += value * value;
  }
  const float largest = *std::max_element(strength.span().begin(), strength.span().end());
  for (float& value : strength.span()) value = largest > 0 ? std::sqrt(value / largest) : 0.0f;
  return strength;
}

}  // namespace

std::vector<double> ReceptiveField::share_within() const {
  const std::int64_t height = strength.dim(0), width = strength.dim(1);
  const auto middle = [&](std::size_t axis) {
    return (static_cast<double>(token[axis]) + 0.5) * static_cast<double>(cell[axis]) - 0.5;
  };
  std::vector<double> shares(static_cast<std::size_t>(height + width), 0.0);
  double total = 0.0;
  for (std::int64_t i = 0; i < height * width; ++i) {
    const double distance = std::hypot(static_cast<double>(i / width) - middle(0),
                                       static_cast<double>(i % width) - middle(1));
    const double square = double{strength.f32()[i]} * double{strength.f32()[i]};
    const auto ring = static_cast<std::size_t>(std::ceil(distance));
    shares[std::min(ring, shares.size() - 1)] += square;
    total += square;
  }
  double sum = 0.0;
  for (double& share : shares) share = (sum += share) / std::max(total, 1e-30);
  while (shares.size() > 2 && shares[shares.size() - 2] > 1.0 - 1e-9) shares.pop_back();
  return shares;
}

double ReceptiveField::half_radius() const {
  const std::vector<double> shares = share_within();
  std::size_t i = 0;
  while (i < shares.size() && shares[i] < 0.5) ++i;
  if (i == 0 || i == shares.size()) return static_cast<double>(i);
  const double before = shares[i - 1];
  return static_cast<double>(i) - 1.0 + (0.5 - before) / (shares[i] - before);
}

std::vector<ReceptiveField> receptive_fields(Model& model, const Tensor& images) {
  const ModelConfig& config = model.config();
  std::vector<ReceptiveField> fields;
  for (std::size_t depth = 0; depth <= config.depths.size(); ++depth) {
    const auto forward = [&](Tape& tape, const Var& x) {
      if (depth == 0) return model.backbone().patch_embed().forward(tape, x);
      return model.backbone().forward(tape, x)[depth - 1].map;
    };
    const Place place = place_of(config, depth);
    const Tensor gradient =
        pixel_gradient(images, forward, [&](const Shape& shape) { return signs_at(shape, place); });
    fields.push_back({depth == 0 ? "embedding" : fmt::format("stage {}", depth - 1),
                      root_mean_square(gradient), place.token, place.cell});
  }
  return fields;
}

}  // namespace tessera::report
