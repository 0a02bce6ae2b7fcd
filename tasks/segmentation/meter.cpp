#include "tasks/segmentation/meter.h"

#include <algorithm>
#include <array>

#include "core/ops/cross_entropy.h"
#include "core/ops/resize.h"
#include "core/parallel.h"

namespace tessera {
namespace {

using Size = std::array<std::int64_t, 2>;

Tensor resized(const Tensor& map, const Size& size) {
  Tape tape({.training = false});
  return ops::resize(tape, tape.constant(map), size).value;
}

/// The upper left part of a map [1, H, W, K].
Tensor cropped(const Tensor& map, const Size& size) {
  if (map.dim(1) == size[0] && map.dim(2) == size[1]) return map;
  const std::int64_t channels = map.dim(3);
  const Tensor part = Tensor::empty({1, size[0], size[1], channels});
  for (std::int64_t y = 0; y < size[0]; ++y) {
    std::copy_n(map.f32() + y * map.dim(2) * channels, size[1] * channels,
                part.f32() + y * size[1] * channels);
  }
  return part;
}

std::int64_t argmax(const float* values, std::int64_t count) {
  return std::max_element(values, values + count) - values;
}

/// Map [1, h, w, K] of one image of a batch.
Tensor image_of(const Tensor& logits, std::int64_t index) {
  const Shape shape{1, logits.dim(1), logits.dim(2), logits.dim(3)};
  return logits.slice(index * shape.numel(), shape);
}

Mask largest_class(const Tensor& map) {
  const std::int64_t height = map.dim(1), width = map.dim(2), classes = map.dim(3);
  Mask mask{height, width, std::vector<std::uint8_t>(static_cast<std::size_t>(height * width))};
  parallel_for(height, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin * width; pixel < end * width; ++pixel) {
      mask.classes[static_cast<std::size_t>(pixel)] =
          static_cast<std::uint8_t>(argmax(map.f32() + pixel * classes, classes));
    }
  });
  return mask;
}

}  // namespace

Mask predicted_mask(const Tensor& logits, const Batch& batch, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  const Size padded{batch.images.dim(1), batch.images.dim(2)};
  Size real = padded, original = padded;
  if (!batch.sizes.empty()) real = {batch.sizes[i].height, batch.sizes[i].width};
  if (!batch.original_sizes.empty()) {
    original = {batch.original_sizes[i].height, batch.original_sizes[i].width};
  }
  return largest_class(resized(cropped(resized(image_of(logits, index), padded), real), original));
}

Mask predicted_mask(const Tensor& logits, std::int64_t index, const ImageSize& size) {
  return largest_class(resized(image_of(logits, index), {size.height, size.width}));
}

Mask predicted_mask(const Tensor& logits, const Tensor& input, const ImageSize& original) {
  return largest_class(
      resized(resized(logits, {input.dim(1), input.dim(2)}), {original.height, original.width}));
}

PixelCount count_right_pixels(const Tensor& logits, const Tensor& masks) {
  const Tensor values = logits.dtype() == DType::kF32 ? logits : cast(logits, DType::kF32);
  const std::int64_t h = values.dim(1), w = values.dim(2), classes = values.dim(3);
  const std::int64_t height = masks.dim(1), width = masks.dim(2);
  PixelCount count;
  for (std::int64_t b = 0; b < values.dim(0); ++b) {
    for (std::int64_t y = 0; y < h; ++y) {
      for (std::int64_t x = 0; x < w; ++x) {
        const std::int64_t row = (2 * y + 1) * height / (2 * h);
        const std::int64_t column = (2 * x + 1) * width / (2 * w);
        const std::int32_t truth = masks.data<std::int32_t>()[(b * height + row) * width + column];
        if (truth == kIgnored) continue;
        ++count.counted;
        const float* own = values.f32() + ((b * h + y) * w + x) * classes;
        count.right += argmax(own, classes) == truth ? 1 : 0;
      }
    }
  }
  return count;
}

void SegmentationMeter::add(std::span<const Tensor> outputs, const Batch& batch) {
  const Tensor& logits = outputs.front();
  const std::span<const std::int32_t> labels = batch.masks.span<std::int32_t>();
  const auto counted = std::ranges::count_if(labels, [](std::int32_t v) { return v != kIgnored; });
  Tape tape({.training = false});
  const Var enlarged =
      ops::resize(tape, tape.constant(logits), {batch.masks.dim(1), batch.masks.dim(2)});
  const Var loss = ops::pixel_cross_entropy(tape, enlarged, batch.masks, {.ignored = kIgnored});
  loss_sum_.add(double{loss.value.f32()[0]} * static_cast<double>(counted));
  pixels_ += counted;
  predictions_.clear();
  for (std::int64_t i = 0; i < logits.dim(0); ++i) {
    const Mask& truth = batch.originals[static_cast<std::size_t>(i)].mask;
    const Mask& prediction = predictions_.emplace_back(predicted_mask(enlarged.value, batch, i));
    confusion_.add(truth.classes, prediction.classes);
    boundary_.add(truth.classes, prediction.classes, truth.height, truth.width);
    ++samples_;
  }
}

void SegmentationMeter::merge(const Meter& other) {
  const auto& counted = dynamic_cast<const SegmentationMeter&>(other);
  confusion_.merge(counted.confusion_);
  boundary_.merge(counted.boundary_);
  loss_sum_.add(counted.loss_sum_);
  pixels_ += counted.pixels_;
  samples_ += counted.samples_;
}

void SegmentationMeter::exchange(MeterState& state) {
  confusion_.exchange(state);
  boundary_.exchange(state);
  state(loss_sum_);
  state(pixels_);
  state(samples_);
}

Metrics SegmentationMeter::values() const {
  Metrics metrics;
  metrics.set("loss", pixels_ == 0 ? 0.0 : loss_sum_.value() / static_cast<double>(pixels_));
  metrics.set("miou", confusion_.mean_iou());
  metrics.set("macc", confusion_.mean_accuracy());
  metrics.set("aacc", confusion_.pixel_accuracy());
  metrics.set("boundary_iou", boundary_.mean_iou());
  return metrics;
}

}  // namespace tessera
