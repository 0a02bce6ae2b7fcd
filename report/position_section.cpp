#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "layers/stage_plan.h"
#include "report/plot/picture.h"
#include "report/probes/attention_maps.h"
#include "report/sections.h"

namespace tessera::report {
namespace {

constexpr std::int64_t kPlaces = 4;  // rows and columns of places that are compared with all others

/// Each [h, w] of `maps` [n, h, w] as a picture with a text.
void add_maps(Markup& html, const Tensor& maps, double unit, const char* what) {
  const std::int64_t height = maps.dim(1), width = maps.dim(2);
  html.open("div", {{"class", "heads"}});
  for (std::int64_t i = 0; i < maps.dim(0); ++i) {
    const Tensor map = maps.slice(i * height * width, {height, width});
    const std::string name = fmt::format("{} {}", what, i);
    html.open("div");
    add_image(html, picture_of(map.span(), width, unit, signed_color), name);
    html.element("span", name).close();
  }
  html.close();
}

/// Each head minus its mean: the softmax takes off what all keys have in common.
Tensor centered(const Tensor& heads) {
  Tensor result = Tensor::empty(heads.shape());
  const std::int64_t numel = heads.numel() / heads.dim(0);
  for (std::int64_t head = 0; head < heads.dim(0); ++head) {
    const auto in = heads.span().subspan(static_cast<std::size_t>(head * numel),
                                         static_cast<std::size_t>(numel));
    const auto out = result.span().subspan(static_cast<std::size_t>(head * numel),
                                           static_cast<std::size_t>(numel));
    const float mean = std::accumulate(in.begin(), in.end(), 0.0f) / static_cast<float>(numel);
    std::transform(in.begin(), in.end(), out.begin(), [mean](float bias) { return bias - mean; });
  }
  return result;
}

double largest_magnitude(const Tensor& tensor) {
  float largest = 0.0f;
  for (const float value : tensor.span()) largest = std::max(largest, std::abs(value));
  return double{largest};
}

std::string scale_of(double largest) {
  return fmt::format("<div class=\"scale\">−{0:.2f}<i class=\"signed\"></i>+{0:.2f}</div>",
                     largest);
}

/// The name of a block that is counted through all stages.
std::string block_name(const ModelPlan& plan, std::int64_t block) {
  std::int64_t stage = 0;
  for (const StagePlan& own : plan.stages) {
    if (block < own.depth) return fmt::format("Stage {}, block {}", stage, block);
    block -= own.depth;
    ++stage;
  }
  return fmt::format("Block {}", block);
}

void add_biases(Markup& html, const std::vector<PositionMap>& maps, const ModelPlan& plan) {
  html.open("div", {{"class", "figures"}});
  for (const PositionMap& map : maps) {
    const Tensor heads = centered(map.heads);
    const double largest = largest_magnitude(heads);
    html.open("figure").element("h4", block_name(plan, map.block));
    add_maps(html, heads, largest, "head");
    html.raw(scale_of(largest)).close();
  }
  html.close();
}

const Parameter* absolute_table(Model& model) {
  for (const char* name : {"absolute_pos_embed", "pos_embed"}) {
    if (const ParameterStore::Entry* entry = model.parameters.find(name)) return entry->parameter;
  }
  return nullptr;
}

}  // namespace

std::optional<Section> position_section(RunView& view) {
  if (!view.saved) return std::nullopt;
  Model& model = view.saved->learner->model();
  const ModelConfig& config = model.config();
  Section section{"position", "Position", "", {}};
  const Tensor image =
      Tensor::zeros({1, config.image_size[0], config.image_size[1], config.in_channels});
  Tape tape({.training = false});
  ModelTrace trace;
  model.forward(tape, tape.constant(image), &trace);
  if (const std::vector<PositionMap> maps = position_maps(trace); !maps.empty()) {
    section.lead =
        "What each head adds to the attention of a query, in the middle of a picture, to a key by "
        "the place of the key seen from it: orange draws attention, blue keeps it away. The mean "
        "of a "
        "head over all places changes nothing and is left out.";
    add_biases(section.body, maps, plan_model(config));
  }
  if (const Parameter* table = absolute_table(model)) {
    const Size2 map = plan_model(config).embed.map;
    section.lead += (section.lead.empty() ? "" : " ");
    section.lead +=
        "Learned positions: the cosine of the vector at one place, the strongest orange, with "
        "those "
        "of all places.";
    section.body.open("div", {{"class", "figures"}}).open("figure");
    section.body.element("h4", "Likeness of positions");
    add_maps(section.body, position_similarity(table->value, map, kPlaces, kPlaces), 1.0, "place");
    section.body.raw(scale_of(1.0)).close().close();
  }
  if (section.lead.empty()) return std::nullopt;
  return section;
}

}  // namespace tessera::report
