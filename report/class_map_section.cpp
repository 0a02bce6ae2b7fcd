#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "report/plot/picture.h"
#include "report/probes/attention_picture.h"
#include "report/probes/class_map.h"
#include "report/sections.h"
#include "report/tiles.h"

namespace tessera::report {
namespace {

constexpr std::size_t kRight = 6, kWrong = 6;

/// An image whose answer is explained.
struct Example {
  Tensor input;  ///< [H, W, C]
  std::int64_t label = 0;
  Prediction answer;
};

/// One of each label as far as they go, then the second of each, and so on.
std::vector<Example> spread(const std::vector<Example>& all, std::size_t count) {
  std::vector<Example> chosen;
  std::vector<bool> taken(all.size());
  while (chosen.size() < std::min(count, all.size())) {
    std::set<std::int64_t> seen;
    for (std::size_t i = 0; i < all.size() && chosen.size() < count; ++i) {
      if (taken[i] || !seen.insert(all[i].label).second) continue;
      taken[i] = true;
      chosen.push_back(all[i]);
    }
  }
  return chosen;
}

std::vector<Example> examples_of(RunView& view) {
  std::vector<Example> right, wrong;
  for (const Mistake& mistake : view.test->mistakes) {
    wrong.push_back({mistake.input, mistake.label, mistake.answer});
  }
  const Tensor& images = view.test->images;
  const Tensor logits = view.saved->learner->predict(images);
  const Shape shape{images.dim(1), images.dim(2), images.dim(3)};
  for (std::int64_t i = 0; i < images.dim(0); ++i) {
    const Prediction answer =
        prediction_of(logits.slice(i * logits.dim(1), {logits.dim(1)}).span());
    const std::int64_t label = view.test->labels.data<std::int32_t>()[i];
    if (answer.predicted != label) continue;
    right.push_back({images.slice(i * shape.numel(), shape), label, answer});
  }
  std::vector<Example> chosen = spread(wrong, kWrong);
  for (Example& example : spread(right, kRight)) chosen.push_back(std::move(example));
  return chosen;
}

/// What speaks for each of `classes`; of a class token what it takes from each patch, which is the
/// same for all of them.
std::vector<Tensor> maps_of(RunView& view, const Tensor& input,
                            std::vector<std::int64_t>& classes) {
  const ModelConfig& model = view.saved->config.model;
  const Tensor batch = input.slice(0, {1, input.dim(0), input.dim(1), input.dim(2)});
  if (model.pool != Pooling::kToken) {
    return class_maps(view.saved->learner->model(), batch, classes);
  }
  ModelTrace trace;
  view.saved->learner->predict(batch, nullptr, &trace);
  classes.resize(1);
  return {attention_rollout(trace, model)};
}

constexpr const char* kGradCam =
    "Grad-CAM on the last stage, of wrong and right answers over the classes: bright is what "
    "raises the logit of the class below the picture, each on its own scale. Of a wrong answer "
    "both classes are shown.";

constexpr const char* kRollout =
    "What the answer takes from each patch, of wrong and right answers over the classes: attention "
    "followed through all blocks (rollout), each on its own scale.";

}  // namespace

std::optional<Section> class_maps_section(RunView& view) {
  if (!view.test) return std::nullopt;
  const ModelConfig& model = view.saved->config.model;
  if (model.pool == Pooling::kToken && model.name != ModelName::kViT) return std::nullopt;
  const std::vector<Example> examples = examples_of(view);
  if (examples.empty()) return std::nullopt;
  const Config& config = view.saved->config;
  const bool has_token = config.model.pool == Pooling::kToken;
  Section section{"class-maps",
                  has_token ? "What the answer is made of" : "What speaks for a class",
                  has_token ? kRollout : kGradCam,
                  {}};
  Markup& html = section.body;
  html.raw(heat_scale()).open("div", {{"class", "figures rows"}});
  const auto stage = static_cast<std::int64_t>(config.model.depths.size()) - 1;
  AttentionMap place;
  place.cell = {config.model.patch_size[0] << stage, config.model.patch_size[1] << stage};
  for (const Example& example : examples) {
    const Tensor& input = example.input;
    std::vector<std::int64_t> classes = {example.answer.predicted};
    if (example.label != example.answer.predicted) classes.push_back(example.label);
    const bool is_right = classes.size() == 1;
    const std::vector<Tensor> maps = maps_of(view, input, classes);
    const Image photo = in_color(image_of(input, config.data));
    const auto name = [&](std::int64_t k) { return view.class_names[static_cast<std::size_t>(k)]; };
    html.open("figure").element("h4", is_right
                                          ? name(example.label)
                                          : fmt::format("{}, taken for {}", name(example.label),
                                                        name(example.answer.predicted)));
    html.open("div", {{"class", "blocks"}, {"style", "--n:3;--half:3"}});
    add_tile(html, photo, "image");
    for (std::size_t i = 0; i < classes.size(); ++i) {
      place.heads = maps[i].slice(0, {1, maps[i].dim(0), maps[i].dim(1)});
      add_tile(html, overlay_attention(photo, place, maps[i], config.model.image_size),
               i == 0 ? fmt::format("{} {}", name(classes[i]),
                                    number_text(example.answer.confidence, Unit::kPercent, 1))
                      : name(classes[i]));
    }
    html.close().close();
  }
  html.close();
  return section;
}

}  // namespace tessera::report
