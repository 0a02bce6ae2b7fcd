#include "cli/box_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "data/augment/draw_placement.h"
#include "formats/json.h"
#include "layers/heads/detector_heads.h"
#include "tasks/detection/fcos_targets.h"

namespace tessera {
namespace {

constexpr double kTooMany = 0.01;  // share of boxes that no place finds, from which it is a matter

std::size_t size_class(const Box& box) {
  const double side = std::sqrt(double{box.width()} * double{box.height()});
  std::size_t at = 0;
  for (double end = 8.0; side >= end && at + 1 < BoxFacts::kSizes; end *= 2.0) ++at;
  return at;
}

std::int64_t repeated_in(const std::vector<Box>& boxes) {
  std::set<std::tuple<float, float, float, float, std::int32_t>> seen;
  std::int64_t repeated = 0;
  for (const Box& b : boxes) {
    repeated += seen.emplace(b.x0, b.y0, b.x1, b.y1, b.label).second ? 0 : 1;
  }
  return repeated;
}

void add_places(const std::vector<Box>& stored, const ImageShape& shape, const ModelConfig& model,
                BoxFacts& facts) {
  const auto [height, width] = model.image_size;
  const Placement placement = within(shape, {height, width, model.in_channels});
  const std::vector<Box> boxes = place(stored, placement);
  const Size2 image{placement.canvas.height, placement.canvas.width};
  std::vector<Size2> maps;
  for (const std::int64_t stride : detector_levels(model).strides) {
    maps.push_back({(image[0] + stride - 1) / stride, (image[1] + stride - 1) / stride});
  }
  std::vector<char> found(boxes.size(), 0);
  for (const std::int32_t match : match_places(detector_grid(model, maps, image), boxes)) {
    if (match < 0) continue;
    ++facts.places;
    found[static_cast<std::size_t>(match)] = 1;
  }
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (boxes[i].crowd) continue;
    ++facts.boxes;
    facts.unfound += found[i] == 0 ? 1 : 0;
  }
}

/// The strides with a finer one in front where the model has a stage of that; empty if not.
std::vector<std::int64_t> finer_levels(const ModelConfig& model) {
  ModelConfig finer = model;
  std::vector<std::int64_t> levels = detector_levels(model).strides;
  if (levels.front() % 2 != 0) return {};
  levels.insert(levels.begin(), levels.front() / 2);
  finer.head.detector.levels = levels;
  finer.head.detector.ranges.clear();
  return FcosHead::problems(finer).empty() ? levels : std::vector<std::int64_t>{};
}

}  // namespace

BoxFacts box_facts(const DataReport& report, const Config& config) {
  BoxFacts facts;
  facts.has_places = config.model.head.type == HeadType::kFcos;
  for (std::size_t i = 0; i < report.boxes.size(); ++i) {
    if (report.shapes[i].height == 0) continue;
    for (const Box& box : report.boxes[i]) ++facts.sizes[size_class(box)];
    facts.repeated += repeated_in(report.boxes[i]);
    if (facts.has_places) add_places(report.boxes[i], report.shapes[i], config.model, facts);
  }
  return facts;
}

Json to_json(const BoxFacts& facts) {
  Json json = {{"sizes", facts.sizes}, {"repeated", facts.repeated}};
  if (!facts.has_places) return json;
  json["boxes"] = facts.boxes;
  json["unfound"] = facts.unfound;
  json["places"] = facts.places;
  return json;
}

void print(const BoxFacts& facts, const Config& config) {
  std::vector<std::string> parts;
  std::int64_t low = 0, high = 8;
  for (std::size_t i = 0; i < BoxFacts::kSizes; ++i, low = high, high *= 2) {
    if (facts.sizes[i] == 0) continue;
    parts.push_back(i + 1 < BoxFacts::kSizes
                        ? fmt::format("{} to {}: {}", low, high, facts.sizes[i])
                        : fmt::format("{} and more: {}", low, facts.sizes[i]));
  }
  fmt::print("  boxes by the root of their area, pixels: {}\n", fmt::join(parts, ", "));
  if (facts.repeated > 0) {
    fmt::print("  {} boxes are there twice, with the same corners and class\n", facts.repeated);
  }
  if (!facts.has_places || facts.boxes == 0) return;
  const ModelConfig& model = config.model;
  const double share = static_cast<double>(facts.unfound) / static_cast<double>(facts.boxes);
  fmt::print(
      "  at {} pixels and strides {} a box has {:.1f} places that learn to find it, and "
      "{:.2f} % have none\n",
      by(model.image_size), fmt::join(detector_levels(model).strides, ", "),
      static_cast<double>(facts.places) / static_cast<double>(facts.boxes), 100.0 * share);
  if (share < kTooMany) return;
  if (const auto levels = finer_levels(model); !levels.empty()) {
    fmt::print("  too many: set model.head.levels: [{}], or a larger model.image_size\n",
               fmt::join(levels, ", "));
  } else {
    fmt::print("  too many: set a larger model.image_size, or a smaller model.patch_size\n");
  }
}

}  // namespace tessera
