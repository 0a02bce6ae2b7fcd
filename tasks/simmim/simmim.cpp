#include "tasks/simmim/simmim.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/hidden_patches.h"
#include "layers/heads/pixel_head.h"

namespace tessera {
namespace {

using Size = std::array<std::int64_t, 2>;

/// Rows and columns of image `i` within the padding of its batch.
Size size_of(const Batch& batch, std::int64_t i) {
  if (batch.sizes.empty()) return {batch.images.dim(1), batch.images.dim(2)};
  const ImageShape& shape = batch.sizes[static_cast<std::size_t>(i)];
  return {shape.height, shape.width};
}

/// Calls `body(y, x, first value in `pixels`)` for the hidden pixels of image `i`.
template <typename Body>
void for_each_hidden(const Tensor& hidden, const Tensor& pixels, std::int64_t side,
                     const Size& size, std::int64_t i, const Body& body) {
  const std::int64_t columns = hidden.dim(2);
  const float* mask = hidden.f32() + i * hidden.dim(1) * columns;
  for (std::int64_t y = 0; y < size[0]; ++y) {
    for (std::int64_t x = 0; x < size[1]; ++x) {
      if (mask[y / side * columns + x / side] == 0.0f) continue;
      body(y, x, ((i * pixels.dim(1) + y) * pixels.dim(2) + x) * pixels.dim(3));
    }
  }
}

std::uint8_t byte_of(float value, float mean, float std) {
  return static_cast<std::uint8_t>(
      std::clamp(std::round(255.0f * (value * std + mean)), 0.0f, 255.0f));
}

}  // namespace

Simmim::Simmim(const ModelConfig& model) : side_(mask_side(model)) {}

Var Simmim::loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const {
  std::vector<Size> sizes;
  for (const ImageShape& shape : batch.sizes) sizes.push_back({shape.height, shape.width});
  return ops::hidden_l1(tape, outputs[PixelOutput::kPixels], batch.images,
                        {outputs[PixelOutput::kHidden].value, {side_, side_}}, sizes);
}

std::vector<Image> Simmim::draw(const Image& photo, std::span<const Tensor> outputs,
                                const Batch& batch, std::int64_t i,
                                const Normalization& normalization) const {
  constexpr std::uint8_t kGrey = 128;
  const Tensor& pixels = outputs[PixelOutput::kPixels];
  Image seen = photo, filled = photo;
  const Size size{std::min(size_of(batch, i)[0], photo.shape.height),
                  std::min(size_of(batch, i)[1], photo.shape.width)};
  for_each_hidden(outputs[PixelOutput::kHidden], pixels, side_, size, i,
                  [&](std::int64_t y, std::int64_t x, std::int64_t from) {
                    const auto to = static_cast<std::size_t>((y * photo.shape.width + x) * 3);
                    for (std::size_t c = 0; c < 3; ++c) {
                      const std::size_t channel = pixels.dim(3) == 1 ? 0 : c;
                      seen.pixels[to + c] = kGrey;
                      filled.pixels[to + c] =
                          byte_of(pixels.f32()[from + static_cast<std::int64_t>(channel)],
                                  normalization.mean[channel], normalization.std[channel]);
                    }
                  });
  return {photo, seen, filled};
}

std::unique_ptr<Meter> Simmim::training_meter() const {
  return std::make_unique<FillingMeter>(side_, /*with_loss=*/false);
}

std::unique_ptr<Meter> Simmim::evaluation_meter() const {
  return std::make_unique<FillingMeter>(side_);
}

void FillingMeter::add(std::span<const Tensor> outputs, const Batch& batch) {
  const Tensor& given = outputs[PixelOutput::kPixels];
  const Tensor pixels = given.dtype() == DType::kF32 ? given : cast(given, DType::kF32);
  const std::int64_t width = batch.images.dim(2), channels = batch.images.dim(3);
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    double distance = 0.0, error = 0.0, sum = 0.0, square = 0.0;
    for_each_hidden(outputs[PixelOutput::kHidden], pixels, side_, size_of(batch, i), i,
                    [&](std::int64_t y, std::int64_t x, std::int64_t from) {
                      const float* filled = pixels.f32() + from;
                      const float* truth = batch.images.f32() +
                                           ((i * batch.images.dim(1) + y) * width + x) * channels;
                      for (std::int64_t c = 0; c < channels; ++c) {
                        const double t = truth[c], d = double{filled[c]} - t;
                        distance += std::abs(d);
                        error += d * d;
                        sum += t;
                        square += t * t;
                      }
                      count_ += channels;
                    });
    distance_.add(distance);
    error_.add(error);
    sum_.add(sum);
    square_.add(square);
    ++samples_;
  }
}

void FillingMeter::merge(const Meter& other) {
  const auto& counted = dynamic_cast<const FillingMeter&>(other);
  samples_ += counted.samples_;
  count_ += counted.count_;
  distance_.add(counted.distance_);
  error_.add(counted.error_);
  sum_.add(counted.sum_);
  square_.add(counted.square_);
}

void FillingMeter::exchange(MeterState& state) {
  state(samples_);
  state(count_);
  state(distance_);
  state(error_);
  state(sum_);
  state(square_);
}

Metrics FillingMeter::values() const {
  const auto count = static_cast<double>(count_);
  const double variance = square_.value() - sum_.value() * sum_.value() / count;
  Metrics metrics;
  if (with_loss_) metrics.set("loss", distance_.value() / count);
  metrics.set("explained", 1.0 - error_.value() / variance);
  return metrics;
}

}  // namespace tessera
