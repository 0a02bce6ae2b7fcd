#include "train/map_views.h"

#include <algorithm>
#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/resize.h"
#include "core/parallel.h"
#include "train/test_views.h"

namespace tessera {
namespace {

Tensor resized(const Tensor& map, std::int64_t height, std::int64_t width) {
  Tape tape({.training = false});
  return ops::resize(tape, tape.constant(map), {height, width}).value;
}

Tensor probabilities(const Tensor& logits) {
  Tape tape({.training = false});
  return ops::softmax(tape, tape.constant(logits)).value;
}

Tensor mirrored(const Tensor& map) { return view_of(map, 0, 0, true, {}); }

/// Upper left corner and size of a part of a map.
struct Part {
  std::int64_t y = 0, x = 0, height = 0, width = 0;
};

std::vector<std::int64_t> starts_of(std::int64_t length, std::int64_t part, std::int64_t stride) {
  std::vector<std::int64_t> starts;
  for (std::int64_t at = 0;; at += stride) {
    starts.push_back(std::max<std::int64_t>(0, std::min(at, length - part)));
    if (at + part >= length) return starts;
  }
}

Tensor cut(const Tensor& images, const Part& part) {
  const std::int64_t batch = images.dim(0), channels = images.dim(3);
  const Tensor result = Tensor::empty({batch, part.height, part.width, channels});
  for (std::int64_t row = 0; row < batch * part.height; ++row) {
    const std::int64_t image = row / part.height, y = part.y + row % part.height;
    const float* from =
        images.f32() + ((image * images.dim(1) + y) * images.dim(2) + part.x) * channels;
    std::copy_n(from, part.width * channels, result.f32() + row * part.width * channels);
  }
  return result;
}

/// Adds `map` to the part of `sum` that it covers, and one to the counts of its pixels.
void add_part(const Tensor& map, const Part& part, const Tensor& sum, std::vector<float>& counts) {
  const std::int64_t channels = sum.dim(3), height = sum.dim(1), width = sum.dim(2);
  for (std::int64_t b = 0; b < sum.dim(0); ++b) {
    for (std::int64_t y = 0; y < part.height; ++y) {
      const std::int64_t at = (b * height + part.y + y) * width + part.x;
      const float* from = map.f32() + (b * part.height + y) * part.width * channels;
      for (std::int64_t i = 0; i < part.width * channels; ++i) {
        sum.f32()[at * channels + i] += from[i];
      }
      for (std::int64_t x = 0; x < part.width; ++x) counts[static_cast<std::size_t>(at + x)] += 1;
    }
  }
}

/// Logits of each pixel.
Tensor look(Learner& learner, const Tensor& images, const MapViews& views) {
  const std::int64_t height = images.dim(1), width = images.dim(2);
  if (views.window == 0) return resized(learner.predict(images), height, width);
  const std::int64_t stride =
      views.stride > 0 ? views.stride : std::max<std::int64_t>(1, views.window * 2 / 3);
  Part part{.height = std::min(views.window, height), .width = std::min(views.window, width)};
  Tensor sum;
  std::vector<float> counts(static_cast<std::size_t>(images.dim(0) * height * width), 0.0f);
  for (const std::int64_t y : starts_of(height, part.height, stride)) {
    for (const std::int64_t x : starts_of(width, part.width, stride)) {
      part.y = y;
      part.x = x;
      const Tensor logits = learner.predict(cut(images, part));
      if (!sum) sum = Tensor::zeros({images.dim(0), height, width, logits.dim(3)});
      add_part(resized(logits, part.height, part.width), part, sum, counts);
    }
  }
  const auto classes = static_cast<std::size_t>(sum.dim(3));
  for (std::size_t i = 0; i < counts.size() * classes; ++i) sum.f32()[i] /= counts[i / classes];
  return sum;
}

}  // namespace

Tensor predict_map(Learner& learner, const Tensor& images, const MapViews& views) {
  const std::int64_t height = images.dim(1), width = images.dim(2);
  Tensor sum;
  float looks = 0.0f;
  const auto add = [&](const Tensor& logits, bool flipped) {
    const Tensor own = probabilities(resized(logits, height, width));
    const Tensor turned = flipped ? mirrored(own) : own;
    looks += 1.0f;
    if (!sum) {
      sum = turned;
      return;
    }
    for (std::size_t i = 0; i < sum.span().size(); ++i) sum.span()[i] += turned.span()[i];
  };
  for (const double scale : views.scales) {
    const auto scaled = [scale](std::int64_t side) {
      return std::max<std::int64_t>(
          1, static_cast<std::int64_t>(std::lround(scale * static_cast<double>(side))));
    };
    const Tensor view = resized(images, scaled(height), scaled(width));
    add(look(learner, view, views), false);
    if (views.flip) add(look(learner, mirrored(view), views), true);
  }
  for (float& value : sum.span()) value = std::log(value / looks);
  return sum;
}

}  // namespace tessera
