#include "layers/heads/detector_grid.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "layers/patch/conv_patch_embed.h"

namespace tessera {
namespace {

constexpr std::int64_t kExtraLevels = 2;  // P6 and P7 of the papers
constexpr std::size_t kAutoAnchors = 3;   // sides of a level
constexpr double kAnchorStrides = 4.0;    // of the least of them
constexpr double kBoundStrides = 8.0;     // of the range of a level
constexpr std::size_t kFcosParts = 3, kRetinaNetParts = 2;

/// Pixels from a token of the first stage to the next.
Size2 token_stride(const ModelConfig& config) {
  return config.patch_embed.type == PatchEmbedType::kSliding ? patch_rule(config).stride
                                                             : config.patch_size;
}

/// Strides of the stages.
std::vector<std::int64_t> stage_strides(const ModelConfig& config) {
  std::vector<std::int64_t> strides;
  for (std::size_t i = 0; i < config.depths.size(); ++i) {
    strides.push_back(i == 0 ? token_stride(config)[0] : 2 * strides.back());
  }
  return strides;
}

std::vector<std::int64_t> automatic_levels(const std::vector<std::int64_t>& stages) {
  std::vector<std::int64_t> levels(stages.begin() + (stages.size() > 1 ? 1 : 0), stages.end());
  for (std::int64_t i = 0; i < kExtraLevels; ++i) levels.push_back(2 * levels.back());
  return levels;
}

/// Why these strides are no levels; empty if they are.
std::string level_problem(const ModelConfig& config) {
  const DetectorConfig& detector = config.head.detector;
  const std::vector<std::int64_t> stages = stage_strides(config);
  const std::vector<std::int64_t> levels =
      detector.levels.empty() ? automatic_levels(stages) : detector.levels;
  const auto first = std::ranges::find(stages, levels.front());
  if (first == stages.end()) {
    return fmt::format("head.levels [{}] begin at no stage: the stages have strides {}",
                       fmt::join(levels, ", "), fmt::join(stages, ", "));
  }
  for (std::size_t i = 1; i < levels.size(); ++i) {
    if (levels[i] == 2 * levels[i - 1]) continue;
    return fmt::format(
        "head.levels [{}]: {} is not twice {}, as each stride must be of the one before",
        fmt::join(levels, ", "), levels[i], levels[i - 1]);
  }
  if (detector.extra_levels == kAutoLevels) return {};
  const auto count = static_cast<std::int64_t>(levels.size());
  const std::int64_t most = std::min<std::int64_t>(stages.end() - first, count);
  const std::int64_t from_stages = count - detector.extra_levels;
  if (from_stages >= 1 && from_stages <= most) return {};
  return fmt::format("head.extra_levels {}: of {} levels 1 to {} can be stages, not {}",
                     detector.extra_levels, count, most, from_stages);
}

/// Sides of the anchors of level `i`.
std::vector<double> anchor_sides(const DetectorConfig& detector, const DetectorLevels& levels,
                                 std::size_t i) {
  std::vector<double> sides;
  if (!detector.anchors.empty()) {
    const std::size_t each = detector.anchors.size() / levels.count();
    for (std::size_t k = 0; k < each; ++k) {
      sides.push_back(static_cast<double>(detector.anchors[i * each + k]));
    }
    return sides;
  }
  for (std::size_t k = 0; k < kAutoAnchors; ++k) {
    const double octave = std::exp2(static_cast<double>(k) / double{kAutoAnchors});
    sides.push_back(std::floor(kAnchorStrides * static_cast<double>(levels.strides[i]) * octave));
  }
  return sides;
}

/// Of all ratios and sides, the sides of a ratio one after the other.
std::vector<AnchorCorners> anchors_of(const DetectorConfig& detector,
                                      const std::vector<double>& sides, bool whole) {
  std::vector<AnchorCorners> anchors;
  for (const double ratio : detector.ratios) {
    // In f32, so that halves are rounded as torchvision rounds them.
    const float height = std::sqrt(static_cast<float>(ratio)), width = 1.0f / height;
    for (const double side : sides) {
      const float x = width * static_cast<float>(side) / 2.0f;
      const float y = height * static_cast<float>(side) / 2.0f;
      anchors.push_back({-x, -y, x, y});
      if (!whole) continue;
      for (float& corner : anchors.back()) corner = std::nearbyint(corner);
    }
  }
  return anchors;
}

std::vector<ConfigProblem> anchor_problems(const ModelConfig& config) {
  const DetectorConfig& detector = config.head.detector;
  std::vector<ConfigProblem> problems;
  const std::size_t count = detector_levels(config).count();
  if (detector.anchors.size() % count != 0) {
    problems.push_back(
        {{"model.head.anchors", "model.head.levels"},
         fmt::format("head.anchors has {} sides, which {} levels cannot share evenly",
                     detector.anchors.size(), count)});
  }
  if (detector.ratios.empty()) {
    problems.push_back({{"model.head.ratios"}, "head.ratios is empty: there would be no anchors"});
  }
  if (detector.negative > detector.positive) {
    problems.push_back({{"model.head.negative", "model.head.positive"},
                        fmt::format("head.negative {} is above head.positive {}", detector.negative,
                                    detector.positive)});
  }
  return problems;
}

std::vector<ConfigProblem> range_problems(const ModelConfig& config) {
  const std::vector<double>& ranges = config.head.detector.ranges;
  std::vector<ConfigProblem> problems;
  const std::size_t bounds = detector_levels(config).count() - 1;
  if (!ranges.empty() && ranges.size() != bounds) {
    problems.push_back({{"model.head.ranges", "model.head.levels"},
                        fmt::format("head.ranges has {} bounds; {} levels have {} between them",
                                    ranges.size(), bounds + 1, bounds)});
  }
  if (!std::ranges::is_sorted(ranges, std::ranges::less_equal{})) {
    problems.push_back({{"model.head.ranges"},
                        fmt::format("head.ranges [{}] do not rise", fmt::join(ranges, ", "))});
  }
  return problems;
}

}  // namespace

DetectorLevels detector_levels(const ModelConfig& config) {
  const DetectorConfig& detector = config.head.detector;
  const std::vector<std::int64_t> stages = stage_strides(config);
  DetectorLevels levels{
      .strides = detector.levels.empty() ? automatic_levels(stages) : detector.levels,
      .stages = {},
      .extra_from_stage =
          detector.extra_from == ExtraFrom::kStage ||
          (detector.extra_from == ExtraFrom::kAuto && config.head.type == HeadType::kRetinaNet),
      .bounds = detector.ranges};
  const auto count = static_cast<std::int64_t>(levels.count());
  const std::int64_t most =
      detector.extra_levels == kAutoLevels ? count : count - detector.extra_levels;
  for (const std::int64_t stride : levels.strides) {
    const auto found = std::ranges::find(stages, stride);
    if (found == stages.end() || std::ssize(levels.stages) == most) {
      ++levels.extra;
    } else {
      levels.stages.push_back(static_cast<std::size_t>(found - stages.begin()));
    }
  }
  for (std::size_t i = 0; i + 1 < levels.count() && detector.ranges.empty(); ++i) {
    levels.bounds.push_back(kBoundStrides * static_cast<double>(levels.strides[i]));
  }
  return levels;
}

std::vector<std::int64_t> detector_channels(const ModelConfig& config,
                                            const DetectorLevels& levels) {
  std::vector<std::int64_t> channels;
  for (const std::size_t stage : levels.stages) {
    channels.push_back(stage_channels(config).at(stage));
  }
  return channels;
}

std::vector<ConfigProblem> detector_problems(const ModelConfig& config) {
  const char* const name = config.head.type == HeadType::kFcos ? "fcos" : "retinanet";
  if (config.pool == Pooling::kToken) {
    return {{{"model.pool", "model.head.type"},
             fmt::format("pool token leaves {} no map: use pool mean", name)}};
  }
  const Size2 stride = token_stride(config);
  if (stride[0] != stride[1]) {
    return {{{"model.patch_size", "model.head.type"},
             fmt::format("{} needs tokens as far apart in height as in width, not {}", name,
                         by(stride))}};
  }
  if (const std::string problem = level_problem(config); !problem.empty()) {
    return {{{"model.head.levels", "model.head.extra_levels", "model.patch_size", "model.depths"},
             problem}};
  }
  return config.head.type == HeadType::kFcos ? range_problems(config) : anchor_problems(config);
}

std::size_t detector_parts(HeadType type) {
  return type == HeadType::kFcos ? kFcosParts : kRetinaNetParts;
}

AnchorCorners DetectorLevel::around(std::int64_t k, const AnchorCorners& corners) const {
  const float cy = y(k / map[1]), cx = x(k % map[1]);
  return {cx + corners[0], cy + corners[1], cx + corners[2], cy + corners[3]};
}

AnchorCorners DetectorLevel::anchor(std::int64_t k) const {
  const auto each = static_cast<std::int64_t>(anchors.size());
  return around(k / each, anchors[static_cast<std::size_t>(k % each)]);
}

std::int64_t DetectorGrid::places() const {
  std::int64_t count = 0;
  for (const DetectorLevel& level : levels) count += level.places();
  return count;
}

DetectorGrid detector_grid(const ModelConfig& model, std::span<const Size2> maps, Size2 image) {
  const DetectorConfig& detector = model.head.detector;
  const DetectorLevels levels = detector_levels(model);
  const bool has_anchors = model.head.type == HeadType::kRetinaNet;
  const double location = detector.location != kAutoLocation ? detector.location
                          : has_anchors                      ? 0.0
                                                             : 0.5;
  const bool torchvision = detector.rules == PlaceRules::kTorchvision ||
                           (detector.rules == PlaceRules::kAuto && location == 0.0);
  DetectorGrid grid{.levels = {},
                    .radius = static_cast<float>(detector.radius),
                    .open_ranges = torchvision,
                    .rough_areas = torchvision};
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const auto stride = static_cast<float>(levels.strides[i]);
    DetectorLevel level{
        .map = maps[i], .stride = stride, .step_y = stride, .step_x = stride, .anchors = {}};
    if (torchvision) {
      level.step_y = static_cast<float>(image[0] / maps[i][0]);
      level.step_x = static_cast<float>(image[1] / maps[i][1]);
    }
    level.first_y = static_cast<float>(location) * level.step_y;
    level.first_x = static_cast<float>(location) * level.step_x;
    level.low = i == 0 ? 0.0f : static_cast<float>(levels.bounds[i - 1]);
    level.high = i + 1 == maps.size() ? std::numeric_limits<float>::infinity()
                                      : static_cast<float>(levels.bounds[i]);
    if (has_anchors) {
      level.anchors = anchors_of(detector, anchor_sides(detector, levels, i), torchvision);
    }
    grid.levels.push_back(level);
  }
  return grid;
}

}  // namespace tessera
