#include "data/dense_transform.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "core/error.h"
#include "data/augment/draw_placement.h"
#include "data/augment/pixel_ops.h"
#include "data/augment/policy.h"

namespace tessera {
namespace {

void check(const AugmentConfig& augment) {
  const auto [low, high] = augment.scale;
  if (!(low > 0.0 && low <= high && high <= 100.0)) {
    fail<ConfigError>("[transform] scale [{}, {}] is not a range above 0 up to 100", low, high);
  }
  if (std::min(augment.crop[0], augment.crop[1]) < 0 ||
      (augment.crop[0] == 0) != (augment.crop[1] == 0)) {
    fail<ConfigError>("[transform] crop {} x {}: two sides, or 0 for none", augment.crop[0],
                      augment.crop[1]);
  }
  if (!(augment.zoom_out >= 1.0 && augment.zoom_out <= 100.0)) {
    fail<ConfigError>("[transform] zoom_out {} must be in [1, 100]", augment.zoom_out);
  }
}

Target placed(const Target& target, const Placement& placement, CutBoxes rule) {
  Target result;
  if (!target.mask.classes.empty()) result.mask = place(target.mask, placement);
  result.boxes = place(target.boxes, placement, rule);
  return result;
}

}  // namespace

DenseTransform::DenseTransform(const ImageShape& base, const Normalization& normalization,
                               const AugmentConfig& augment, const ResizeConfig& resize)
    : base_(base), augment_(augment), resize_(resize) {
  const auto channels = static_cast<std::size_t>(base.channels);
  if (normalization.mean.size() != channels || normalization.std.size() != channels) {
    fail<ConfigError>("[transform] {} means and {} stds for {} channels", normalization.mean.size(),
                      normalization.std.size(), channels);
  }
  check(augment);
  for (std::size_t c = 0; c < channels; ++c) {
    const float mean = normalization.mean[c];
    scale_.push_back(1.0f / (255.0f * normalization.std[c]));
    shift_.push_back(-mean / normalization.std[c]);
    mean_colour_.push_back(
        static_cast<std::uint8_t>(std::clamp(std::round(255.0f * mean), 0.0f, 255.0f)));
  }
}

Sample DenseTransform::fit(const ImageView& image, const Target& target) const {
  const Placement placement = within(image.shape, base_);
  return {place(image, placement, resize_.interpolation),
          placed(target, placement, CutBoxes::kVisible)};
}

Sample DenseTransform::augment(const ImageView& image, const Target& target, Rng& rng) const {
  const Placement placement = draw_dense_placement(image.shape, target, base_, augment_, rng);
  Sample sample{place(image, placement, resize_.interpolation, mean_colour_),
                placed(target, placement, CutBoxes::kCentred)};
  const ImageShape shape = sample.image.shape;
  for (const PolicyChange& change : draw_policy(shape, augment_, rng)) {
    apply(change, sample.image, mean_colour_);
    Placement moved = Placement::identity({shape.height, shape.width});
    moved.affine = affine_of(change, shape);
    if (moved.affine) sample.target = placed(sample.target, moved, CutBoxes::kCentred);
  }
  if (augment_.photometric) distort_colours(sample.image, rng);
  jitter_colours(sample.image, augment_, rng);
  return sample;
}

void DenseTransform::normalize(const Image& image, std::int64_t width, float* out) const {
  const std::size_t channels = scale_.size();
  const std::uint8_t* pixel = image.pixels.data();
  for (std::int64_t y = 0; y < image.shape.height; ++y) {
    float* to = out + y * width * image.shape.channels;
    for (std::int64_t x = 0; x < image.shape.width; ++x) {
      for (std::size_t c = 0; c < channels; ++c) {
        *to++ = static_cast<float>(*pixel++) * scale_[c] + shift_[c];
      }
    }
  }
}

Batch DenseTransform::collate(std::span<Sample> samples, TargetKind kind, const ImageSize& least,
                              std::int64_t multiple) const {
  std::int64_t height = least.height, width = least.width;
  for (const Sample& sample : samples) {
    height = std::max(height, sample.image.shape.height);
    width = std::max(width, sample.image.shape.width);
  }
  height = (height + multiple - 1) / multiple * multiple;
  width = (width + multiple - 1) / multiple * multiple;
  const auto count = static_cast<std::int64_t>(samples.size());
  Batch batch{.images = Tensor::zeros({count, height, width, base_.channels}), .labels = {}};
  if (kind == TargetKind::kMask) {
    batch.masks = Tensor::empty({count, height, width}, DType::kI32);
    std::ranges::fill(batch.masks.span<std::int32_t>(), std::int32_t{kIgnored});
  }
  bool filled = true;
  for (std::int64_t i = 0; i < count; ++i) {
    Sample& sample = samples[static_cast<std::size_t>(i)];
    const ImageShape& shape = sample.image.shape;
    normalize(sample.image, width, batch.images.f32() + i * height * width * base_.channels);
    if (kind == TargetKind::kMask) {
      std::int32_t* to = batch.masks.data<std::int32_t>() + i * height * width;
      for (std::int64_t y = 0; y < shape.height; ++y) {
        std::copy_n(sample.target.mask.classes.data() + y * shape.width, shape.width,
                    to + y * width);
      }
    } else {
      batch.boxes.push_back(std::move(sample.target.boxes));
    }
    batch.sizes.push_back(shape);
    filled = filled && shape.height == height && shape.width == width;
  }
  if (filled) batch.sizes.clear();
  return batch;
}

void pad_alike(Batch& batch, Peers& peers) {
  const std::int64_t count = batch.size(), channels = batch.images.dim(3);
  const ImageSize old{batch.images.dim(1), batch.images.dim(2)};
  ImageSize size = old;
  const std::vector<double> all =
      peers.gather(std::array{static_cast<double>(old.height), static_cast<double>(old.width)});
  for (std::size_t i = 0; i < all.size(); i += 2) {
    size.height = std::max(size.height, static_cast<std::int64_t>(all[i]));
    size.width = std::max(size.width, static_cast<std::int64_t>(all[i + 1]));
  }
  if (size.height == old.height && size.width == old.width) return;
  if (batch.sizes.empty()) {
    batch.sizes.assign(static_cast<std::size_t>(count), {old.height, old.width, channels});
  }
  const auto copy_rows = [&](const auto* from, std::int64_t values, auto* to) {
    for (std::int64_t row = 0; row < count * old.height; ++row) {
      const std::int64_t image = row / old.height, y = row % old.height;
      std::copy_n(from + row * old.width * values, old.width * values,
                  to + (image * size.height + y) * size.width * values);
    }
  };
  const Tensor images = Tensor::zeros({count, size.height, size.width, channels});
  copy_rows(batch.images.f32(), channels, images.f32());
  batch.images = images;
  if (!batch.masks) return;
  const Tensor masks = Tensor::empty({count, size.height, size.width}, DType::kI32);
  std::ranges::fill(masks.span<std::int32_t>(), std::int32_t{kIgnored});
  copy_rows(batch.masks.data<std::int32_t>(), 1, masks.data<std::int32_t>());
  batch.masks = masks;
}

}  // namespace tessera
