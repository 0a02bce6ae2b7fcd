#include "data/survey_look.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <mutex>

#include "core/error.h"
#include "core/parallel.h"
#include "core/text.h"
#include "data/sets/dense_files.h"
#include "data/sets/image_mask_files.h"
#include "data/sets/mask_rules.h"

namespace tessera {
namespace {

/// A JPEG of grey values comes back from RGB with an error of a level or two.
bool is_grey_image(const ImageView& image) {
  constexpr int kSlack = 3;
  if (image.shape.channels == 1) return true;
  for (std::size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    const auto [low, high] =
        std::minmax({image.pixels[i], image.pixels[i + 1], image.pixels[i + 2]});
    if (high - low > kSlack) return false;
  }
  return true;
}

/// Every image counts the same, whatever its size.
struct Levels {
  std::array<double, 3> mean{}, square{};
  std::int64_t images = 0;

  void add(const ImageView& image) {
    const auto channels = static_cast<std::size_t>(image.shape.channels);
    const double scale = 1.0 / static_cast<double>(image.shape.height * image.shape.width);
    for (std::size_t c = 0; c < channels; ++c) {
      double sum = 0.0, squares = 0.0;
      for (std::size_t i = c; i < image.pixels.size(); i += channels) {
        const double value = image.pixels[i] / 255.0;
        sum += value;
        squares += value * value;
      }
      mean[c] += sum * scale;
      square[c] += squares * scale;
    }
    ++images;
  }

  Normalization normalization(bool is_grey) const {
    Normalization measured;
    const auto count = static_cast<double>(std::max<std::int64_t>(1, images));
    for (std::size_t c = 0; c < (is_grey ? 1u : 3u); ++c) {
      const double m = mean[c] / count;
      measured.mean.push_back(static_cast<float>(m));
      measured.std.push_back(
          static_cast<float>(std::sqrt(std::max(0.0, square[c] / count - m * m))));
    }
    return measured;
  }
};

void add_target(const Target& target, const ImageShape& shape, SurveyLook& look) {
  for (const std::uint8_t value : target.mask.classes) {
    if (value < look.pixels.size()) ++look.pixels[value];
  }
  std::int64_t boxes = 0;
  for (const Box& box : target.boxes) {
    if (box.crowd) continue;
    ++boxes;
    look.box_sides.push_back(std::sqrt(double{box.width()} * double{box.height()}) /
                             static_cast<double>(std::max(shape.height, shape.width)));
  }
  look.most_boxes = std::max(look.most_boxes, boxes);
}

using Rgbs = std::map<Rgb, std::int64_t>;  // pixels of each colour

constexpr std::size_t kMostColors = 40;

/// Of some masks spread over all, for at most some seconds.
Rgbs colors_of(const FileSource& files, const std::vector<std::string>& masks) {
  constexpr std::size_t kMost = 60, kMaxBytes = std::size_t{1} << 28;
  constexpr std::chrono::seconds kPatience(4);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const MaskRules rules({}, 255);
  Rgbs colors;
  const std::size_t count = std::min(kMost, masks.size());
  for (std::size_t n = 0; n < count; ++n) {
    if (n > 0 && std::chrono::steady_clock::now() > deadline) break;
    const std::string& path = masks[n * masks.size() / count];
    const Image mask = rules.decode(files.read(path, kMaxBytes), shown_path(files, path));
    const auto channels = static_cast<std::size_t>(mask.shape.channels);
    for (std::size_t i = 0; i < mask.pixels.size(); i += channels) {
      const Rgb color{mask.pixels[i], mask.pixels[i + channels / 2], mask.pixels[i + channels - 1]};
      ++colors[color];
    }
    if (colors.size() > 256) break;
  }
  return colors;
}

bool are_numbers(const Rgbs& colors) {
  return std::ranges::all_of(colors, [](const auto& entry) {
    const Rgb& color = entry.first;
    return color[0] == color[1] && color[1] == color[2];
  });
}

/// Numbers of classes follow each other; shades have gaps, and black and white are 0 and 255.
bool are_shades(const Rgbs& colors) {
  std::int64_t classes = 0;
  int largest = 0;
  for (const auto& [color, pixels] : colors) {
    if (color[0] == kIgnored) continue;
    ++classes;
    largest = color[0];
  }
  const bool has_white = colors.contains({kIgnored, kIgnored, kIgnored});
  return largest + 1 > 2 * classes + 2 || (classes == 1 && largest == 0 && has_white);
}

}  // namespace

SurveyLook look_at(const Dataset& dataset) {
  constexpr std::int64_t kMost = 200;
  constexpr std::chrono::seconds kPatience(4);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const std::int64_t count = std::min(kMost, dataset.size());
  SurveyLook look;
  const bool has_targets = dataset.target_kind() != TargetKind::kClass;
  if (has_targets) look.pixels.resize(static_cast<std::size_t>(dataset.num_classes()));
  Levels levels;
  std::mutex mutex;  // guards look and levels
  std::atomic<std::int64_t> next = 0;
  parallel_for(num_threads(), 1, [&](std::int64_t, std::int64_t) {
    Image buffer;
    for (std::int64_t i; (i = next++) < count;) {
      if (i > 0 && std::chrono::steady_clock::now() > deadline) break;
      const std::int64_t sample = i * dataset.size() / count;
      try {
        const ImageView image = dataset.read(sample, buffer);
        const Target target = has_targets ? dataset.target(sample) : Target{};
        const bool is_grey = is_grey_image(image);
        const std::lock_guard lock(mutex);
        look.heights.push_back(image.shape.height);
        look.widths.push_back(image.shape.width);
        look.is_grey = look.is_grey && is_grey;
        levels.add(image);
        add_target(target, image.shape, look);
      } catch (const DataError& error) {
        const std::lock_guard lock(mutex);
        if (look.unreadable++ == 0) look.example = error.what();
      }
    }
  });
  look.measured = levels.normalization(look.is_grey);
  return look;
}

void name_mask_classes(const FileSource& files, DataConfig& config) {
  const MaskLayout layout = mask_layout(files, config);
  std::vector<std::string> masks;
  for (std::string& path : files.files(layout.masks)) {
    if (path.ends_with(".png") || path.ends_with(".PNG")) masks.push_back(std::move(path));
  }
  const Rgbs colors = colors_of(files, masks);
  const std::vector<std::string> listed = listed_classes(files, config, layout.base);
  const bool has_colors = !are_numbers(colors) || are_shades(colors);
  if (!has_colors) {
    if (!listed.empty()) return;
    for (const auto& [color, pixels] : colors) {
      if (color[0] == kIgnored) continue;
      while (config.classes.size() <= color[0]) {
        config.classes.push_back(fmt::format("class_{}", config.classes.size()));
      }
    }
    return;
  }
  if (colors.size() > kMostColors) {
    fail<DataError>(
        "[data] {}: its masks have more than {} colours: formats that lose detail blur them, and "
        "tessera data check says where",
        shown_path(files, layout.masks), kMostColors);
  }
  if (!listed.empty() && listed.size() != colors.size()) return;  // opening it says what is wrong
  const bool is_black_and_white = colors.size() == 2 && colors.contains({0, 0, 0}) &&
                                  colors.contains({kIgnored, kIgnored, kIgnored});
  if (!listed.empty() && !is_black_and_white) return;  // which is which nobody can know
  for (const auto& [color, pixels] : colors) {
    config.colors.push_back(fmt::format("{:02x}{:02x}{:02x}", color[0], color[1], color[2]));
    if (!listed.empty()) continue;
    const bool is_black = color == Rgb{0, 0, 0};
    config.classes.push_back(is_black             ? "background"
                             : is_black_and_white ? "object"
                                                  : "color_" + config.colors.back());
  }
}

}  // namespace tessera
