#include "data/sets/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/rng.h"
#include "data/hold_out.h"

namespace tessera {
namespace {

enum class Figure : std::uint8_t { kCircle, kSquare, kTriangle, kCross };
constexpr std::int64_t kFigures = 4;

/// Whether (x, y) in units of the figure's radius, y downwards, lies inside it.
bool inside(Figure figure, float x, float y) {
  const float ax = std::abs(x);
  const float ay = std::abs(y);
  switch (figure) {
    case Figure::kCircle:
      return x * x + y * y < 1.0f;
    case Figure::kSquare:
      return std::max(ax, ay) < 0.85f;
    case Figure::kTriangle:
      return ay < 0.9f && ax < 0.5f * (y + 0.9f);
    case Figure::kCross:
      return std::max(ax, ay) < 1.0f && std::min(ax, ay) < 0.3f;
  }
  return false;
}

void draw(Figure figure, const ImageShape& shape, Rng& rng, std::span<std::uint8_t> pixels) {
  const auto side = static_cast<float>(std::min(shape.height, shape.width));
  const float radius = side * rng.uniform(0.22f, 0.42f);
  const float cx = rng.uniform(radius, static_cast<float>(shape.width) - radius);
  const float cy = rng.uniform(radius, static_cast<float>(shape.height) - radius);
  const float noise = rng.uniform(4.0f, 24.0f);  // amplitude, of 255

  std::array<float, 3> back{};
  std::array<float, 3> front{};
  const bool brighter = rng.below(2) == 1;
  for (std::size_t c = 0; c < 3; ++c) {
    const float dark = rng.uniform(20.0f, 110.0f);
    const float light = rng.uniform(145.0f, 235.0f);
    back[c] = brighter ? dark : light;
    front[c] = brighter ? light : dark;
  }
  std::size_t at = 0;
  for (std::int64_t row = 0; row < shape.height; ++row) {
    for (std::int64_t column = 0; column < shape.width; ++column) {
      const float x = (static_cast<float>(column) + 0.5f - cx) / radius;
      const float y = (static_cast<float>(row) + 0.5f - cy) / radius;
      const std::array<float, 3>& colour = inside(figure, x, y) ? front : back;
      for (std::size_t c = 0; c < static_cast<std::size_t>(shape.channels); ++c) {
        const float value = colour[c] + rng.uniform(-noise, noise);
        pixels[at++] = static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f));
      }
    }
  }
}

}  // namespace

std::vector<std::uint8_t> synthetic_labels(std::int64_t samples) {
  std::vector<std::uint8_t> labels(static_cast<std::size_t>(samples));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<std::uint8_t>(i % kFigures);
  }
  return labels;
}

std::unique_ptr<ArrayDataset> make_shapes(const ShapesOptions& options, Split split) {
  DatasetInfo info = dataset_info(DatasetName::kSynthetic);
  const ImageShape& shape = options.image;
  if (std::min(shape.height, shape.width) < 8 || (shape.channels != 1 && shape.channels != 3)) {
    fail<DataError>("[synthetic] images of {} x {} x {}: sides of 8 or more, 1 or 3 channels",
                    shape.height, shape.width, shape.channels);
  }
  if (shape.channels == 1) info.normalization = {{0.5f}, {0.25f}};
  info.image = shape;
  const std::int64_t known = split == Split::kTrain ? info.train_samples : info.test_samples;
  const std::int64_t samples = options.samples > 0 ? options.samples : known;

  const auto bytes = static_cast<std::size_t>(shape.numel());
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(samples) * bytes);
  std::vector<std::uint8_t> labels = synthetic_labels(samples);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Rng rng(options.seed, Stream::kSynthetic, split == Split::kTrain ? 0 : 1, i);
    draw(static_cast<Figure>(labels[i]), shape, rng, std::span(pixels).subspan(i * bytes, bytes));
  }
  return std::make_unique<ArrayDataset>(std::move(info), std::move(pixels), std::move(labels));
}

std::unique_ptr<ArrayDataset> open_synthetic(const DataConfig& config, Split stored) {
  if (stored == Split::kTest) return make_shapes({.samples = config.test_samples}, stored);
  std::int64_t samples = config.train_samples;
  while (samples > 0 && holds_out(config)) {
    const std::vector<std::uint8_t> labels = synthetic_labels(samples);
    const std::vector<bool> out =
        held_out(std::vector<std::int64_t>(labels.begin(), labels.end()), config);
    const std::int64_t missing = config.train_samples - std::count(out.begin(), out.end(), false);
    if (missing <= 0) break;
    samples += missing;
  }
  return make_shapes({.samples = samples}, stored);
}

}  // namespace tessera
