// Layers written plainly in double precision, to hold the real ones against.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/parameter.h"
#include "layers/model_config.h"

namespace tessera::test {

/// [batch, height, width, channels] in double precision; zero outside.
struct Map {
  std::int64_t batch = 0, height = 0, width = 0, channels = 0;
  std::vector<double> values{};

  Map(std::int64_t b, std::int64_t h, std::int64_t w, std::int64_t c)
      : batch(b),
        height(h),
        width(w),
        channels(c),
        values(static_cast<std::size_t>(b * h * w * c)) {}
  explicit Map(const Tensor& x) : Map(x.dim(0), x.dim(1), x.dim(2), x.dim(3)) {
    values.assign(x.span().begin(), x.span().end());
  }

  double& at(std::int64_t b, std::int64_t y, std::int64_t x, std::int64_t c) {
    return values[static_cast<std::size_t>(((b * height + y) * width + x) * channels + c)];
  }
  double get(std::int64_t b, std::int64_t y, std::int64_t x, std::int64_t c) const {
    if (y < 0 || y >= height || x < 0 || x >= width) return 0.0;
    return values[static_cast<std::size_t>(((b * height + y) * width + x) * channels + c)];
  }
};

/// A parameter in double precision.
struct Weight {
  Shape shape;
  std::vector<double> values;
};
using Weights = std::map<std::string, Weight>;

inline Weights weights_of(const ParameterStore& store) {
  Weights weights;
  for (const ParameterStore::Entry& entry : store.entries()) {
    const auto values = entry.parameter->value.span();
    weights[entry.name] = {entry.parameter->shape, {values.begin(), values.end()}};
  }
  return weights;
}

/// Calls `body(b, y, x)` for every place of a map.
template <typename Body>
void for_places(const Map& map, const Body& body) {
  for (std::int64_t b = 0; b < map.batch; ++b) {
    for (std::int64_t y = 0; y < map.height; ++y) {
      for (std::int64_t x = 0; x < map.width; ++x) body(b, y, x);
    }
  }
}

/// A convolution whose first kernel begins `before` pixels in front of the map, with `size` places.
inline Map conv(const Map& in, const Weights& weights, const std::string& name, Size2 stride,
                Size2 before, Size2 size) {
  const Weight& kernel = weights.at(name + ".weight");
  const auto bias = weights.find(name + ".bias");
  const std::int64_t kh = kernel.shape[2], kw = kernel.shape[3];
  Map out(in.batch, size[0], size[1], kernel.shape[0]);
  for_places(out, [&](std::int64_t b, std::int64_t y, std::int64_t x) {
    for (std::int64_t o = 0; o < out.channels; ++o) {
      double sum = bias == weights.end() ? 0.0 : bias->second.values[static_cast<std::size_t>(o)];
      for (std::int64_t c = 0; c < in.channels; ++c) {
        for (std::int64_t dy = 0; dy < kh; ++dy) {
          for (std::int64_t dx = 0; dx < kw; ++dx) {
            const auto at = static_cast<std::size_t>(((o * in.channels + c) * kh + dy) * kw + dx);
            sum += kernel.values[at] *
                   in.get(b, y * stride[0] - before[0] + dy, x * stride[1] - before[1] + dx, c);
          }
        }
      }
      out.at(b, y, x, o) = sum;
    }
  });
  return out;
}

inline Map linear(const Map& in, const Weights& weights, const std::string& name) {
  const Weight& weight = weights.at(name + ".weight");
  const auto bias = weights.find(name + ".bias");
  Map out(in.batch, in.height, in.width, weight.shape[0]);
  const std::int64_t inner = weight.shape.numel() / weight.shape[0];
  for_places(out, [&](std::int64_t b, std::int64_t y, std::int64_t x) {
    for (std::int64_t o = 0; o < out.channels; ++o) {
      double sum = bias == weights.end() ? 0.0 : bias->second.values[static_cast<std::size_t>(o)];
      for (std::int64_t c = 0; c < inner; ++c) {
        sum += weight.values[static_cast<std::size_t>(o * inner + c)] * in.get(b, y, x, c);
      }
      out.at(b, y, x, o) = sum;
    }
  });
  return out;
}

inline Map layer_norm(const Map& in, const Weights& weights, const std::string& name,
                      double epsilon = 1e-5) {
  const Weight& gamma = weights.at(name + ".weight");
  const Weight& beta = weights.at(name + ".bias");
  Map out = in;
  const auto count = static_cast<double>(in.channels);
  for_places(out, [&](std::int64_t b, std::int64_t y, std::int64_t x) {
    double mean = 0.0, variance = 0.0;
    for (std::int64_t c = 0; c < in.channels; ++c) mean += in.get(b, y, x, c) / count;
    for (std::int64_t c = 0; c < in.channels; ++c) {
      variance += (in.get(b, y, x, c) - mean) * (in.get(b, y, x, c) - mean) / count;
    }
    for (std::int64_t c = 0; c < in.channels; ++c) {
      const auto at = static_cast<std::size_t>(c);
      out.at(b, y, x, c) =
          (in.get(b, y, x, c) - mean) / std::sqrt(variance + epsilon) * gamma.values[at] +
          beta.values[at];
    }
  });
  return out;
}

inline Map relu(Map map) {
  for (double& value : map.values) value = std::max(value, 0.0);
  return map;
}

/// The channels of several maps of one size, one after the other.
inline Map concatenated(const std::vector<Map>& maps) {
  std::int64_t channels = 0;
  for (const Map& map : maps) channels += map.channels;
  Map out(maps[0].batch, maps[0].height, maps[0].width, channels);
  for_places(out, [&](std::int64_t b, std::int64_t y, std::int64_t x) {
    std::int64_t at = 0;
    for (const Map& map : maps) {
      for (std::int64_t c = 0; c < map.channels; ++c) out.at(b, y, x, at++) = map.get(b, y, x, c);
    }
  });
  return out;
}

}  // namespace tessera::test
