#include "core/quantization.h"

#include <algorithm>
#include <cmath>

namespace tessera {
namespace {

constexpr float kLargestInput = 255.0f, kLargestWeight = 127.0f;

}  // namespace

InputCode input_code(float smallest, float largest) {
  const float low = std::min(smallest, 0.0f), high = std::max(largest, 0.0f);
  const float scale = (high - low) / kLargestInput;
  if (!(scale > 0.0f) || !std::isfinite(scale)) return {};
  return {scale, static_cast<std::int32_t>(std::lround(-low / scale))};
}

std::vector<float> weight_scales(const Tensor& weight) {
  const std::int64_t out = weight.dim(0), in = weight.dim(1);
  std::vector<float> scales;
  for (std::int64_t row = 0; row < out; ++row) {
    float largest = 0.0f;
    for (std::int64_t i = 0; i < in; ++i) {
      largest = std::max(largest, std::abs(weight.f32()[row * in + i]));
    }
    scales.push_back(largest > 0.0f ? largest / kLargestWeight : 1.0f);
  }
  return scales;
}

std::vector<std::int8_t> weight_integers(const Tensor& weight, const std::vector<float>& scales) {
  const std::int64_t out = weight.dim(0), in = weight.dim(1);
  std::vector<std::int8_t> integers;
  integers.reserve(static_cast<std::size_t>(out * in));
  for (std::int64_t row = 0; row < out; ++row) {
    const float scale = scales[static_cast<std::size_t>(row)];
    for (std::int64_t i = 0; i < in; ++i) {
      const float q = std::nearbyint(weight.f32()[row * in + i] / scale);
      integers.push_back(static_cast<std::int8_t>(std::clamp(q, -kLargestWeight, kLargestWeight)));
    }
  }
  return integers;
}

}  // namespace tessera
