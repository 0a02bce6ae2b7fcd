#include "data/augment/draw_placement.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace tessera {
namespace {

CropBox not_too_long(const ImageShape& image, const ImageShape& shape) {
  constexpr std::int64_t kMost = 8;  // times longer than what is seen
  CropBox box{0, 0, image.height, image.width};
  box.height = std::min(box.height, kMost * (box.width * shape.height / shape.width + 1));
  box.width = std::min(box.width, kMost * (box.height * shape.width / shape.height + 1));
  box.top = (image.height - box.height) / 2;
  box.left = (image.width - box.width) / 2;
  return box;
}

/// Several classes are there, and none of them has nearly all that counts.
bool is_mixed(const Mask& mask, double class_share) {
  std::array<std::int64_t, 256> counts{};
  for (const std::uint8_t value : mask.classes) ++counts[value];
  counts[kIgnored] = 0;
  std::int64_t sum = 0, largest = 0, present = 0;
  for (const std::int64_t count : counts) {
    sum += count;
    largest = std::max(largest, count);
    present += count > 0 ? 1 : 0;
  }
  return present > 1 && static_cast<double>(largest) < class_share * static_cast<double>(sum);
}

bool is_useful(const Target& target, const Placement& placement, double class_share) {
  if (!target.mask.classes.empty()) {
    return class_share >= 1.0 || is_mixed(place(target.mask, placement), class_share);
  }
  return target.boxes.empty() || !place(target.boxes, placement, CutBoxes::kCentred).empty();
}

/// A smaller image somewhere on a canvas of its old size.
void zoom_out(Placement& placement, double most, Rng& rng) {
  const double ratio = double{rng.uniform(1.0f, static_cast<float>(most))};
  const auto smaller = [ratio](std::int64_t side) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) / ratio));
  };
  const ImageSize size{smaller(placement.scaled.height), smaller(placement.scaled.width)};
  const ImageSize canvas = placement.canvas;
  placement = Placement::scaling(placement.part, size);
  placement.canvas = canvas;
  placement.top = rng.below(static_cast<std::uint32_t>(canvas.height - size.height + 1));
  placement.left = rng.below(static_cast<std::uint32_t>(canvas.width - size.width + 1));
}

/// The canvas seen through a window of at most `size`, at a random place.
Placement random_window(const Placement& whole, const std::array<std::int64_t, 2>& size, Rng& rng) {
  Placement window = whole;
  window.canvas = {std::min(size[0], whole.canvas.height), std::min(size[1], whole.canvas.width)};
  const auto spare = [](std::int64_t all, std::int64_t seen) {
    return static_cast<std::uint32_t>(all - seen + 1);
  };
  window.top -= rng.below(spare(whole.canvas.height, window.canvas.height));
  window.left -= rng.below(spare(whole.canvas.width, window.canvas.width));
  return window;
}

}  // namespace

bool fits(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config) {
  return image == shape && config.test_crop >= 1.0;
}

double cover_scale(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config) {
  const auto scale = [&](std::int64_t from, std::int64_t to) {
    return std::floor(static_cast<double>(to) / config.test_crop) / static_cast<double>(from);
  };
  return std::max(scale(image.height, shape.height), scale(image.width, shape.width));
}

Placement covering(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config) {
  const CropBox part = not_too_long(image, shape);
  const double scale = cover_scale({part.height, part.width, image.channels}, shape, config);
  const auto scaled = [scale](std::int64_t side, std::int64_t least) {
    return std::max(least, static_cast<std::int64_t>(static_cast<double>(side) * scale + 1e-6));
  };
  return Placement::scaling(part,
                            {scaled(part.height, shape.height), scaled(part.width, shape.width)});
}

Placement fitted(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config) {
  if (fits(image, shape, config)) return Placement::identity({image.height, image.width});
  Placement placement = covering(image, shape, config);
  // Halves to even, as torchvision's CenterCrop.
  const auto margin = [](std::int64_t spare) {
    return static_cast<std::int64_t>(std::nearbyint(0.5 * static_cast<double>(spare)));
  };
  placement.cut = {margin(placement.scaled.height - shape.height),
                   margin(placement.scaled.width - shape.width), shape.height, shape.width};
  placement.canvas = {shape.height, shape.width};
  return placement;
}

Placement draw_placement(const ImageShape& image, const ImageShape& shape,
                         const AugmentConfig& augment, const ResizeConfig& config, Rng& rng) {
  Placement placement = augment.crops_area() ? Placement::scaling(random_box(image, augment, rng),
                                                                  {shape.height, shape.width})
                                             : fitted(image, shape, config);
  if (augment.crop_padding > 0) {
    const auto places = static_cast<std::uint32_t>(2 * augment.crop_padding + 1);
    placement.top = augment.crop_padding - std::int64_t{rng.below(places)};
    placement.left = augment.crop_padding - std::int64_t{rng.below(places)};
  }
  placement.flip = augment.flip && rng.below(2) == 1;
  return placement;
}

Placement within(const ImageShape& image, const ImageShape& base, double factor) {
  const auto ratio = [](std::int64_t to, std::int64_t from) {
    return static_cast<double>(to) / static_cast<double>(from);
  };
  const double scale =
      factor *
      std::min(ratio(std::max(base.height, base.width), std::max(image.height, image.width)),
               ratio(std::min(base.height, base.width), std::min(image.height, image.width)));
  const auto scaled = [scale](std::int64_t side) {
    return std::max<std::int64_t>(1, std::llround(scale * static_cast<double>(side)));
  };
  return Placement::scaling({0, 0, image.height, image.width},
                            {scaled(image.height), scaled(image.width)});
}

Placement draw_dense_placement(const ImageShape& image, const Target& target,
                               const ImageShape& base, const AugmentConfig& augment, Rng& rng) {
  constexpr int kAttempts = 10;
  double factor = augment.scale[0];
  if (augment.scale[0] < augment.scale[1]) {
    factor = double{
        rng.uniform(static_cast<float>(augment.scale[0]), static_cast<float>(augment.scale[1]))};
  }
  Placement whole = within(image, base, factor);
  if (augment.zoom_out > 1.0 && rng.below(2) == 1) zoom_out(whole, augment.zoom_out, rng);
  Placement placement = whole;
  if (augment.crops()) {
    placement = random_window(whole, augment.crop, rng);
    for (int attempt = 1; attempt < kAttempts; ++attempt) {
      if (is_useful(target, placement, augment.class_share)) break;
      placement = random_window(whole, augment.crop, rng);
    }
  }
  placement.flip = augment.flip && rng.below(2) == 1;
  return placement;
}

}  // namespace tessera
