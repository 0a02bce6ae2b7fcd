// Numbers as integers of 8 bits: what stands for what.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace tessera {

/// Activations of one tensor: q of [0, 255] stands for scale * (q - zero), so that 0 is exact.
struct InputCode {
  float scale = 1.0f;
  std::int32_t zero = 0;
};

/// The code whose values reach from `smallest` to `largest`, or to 0 where both are on one side of
/// it.
InputCode input_code(float smallest, float largest);

/// A linear map with weight [out, in]: q of [-127, 127] in row i stands for weight_scales[i] * q.
struct LinearCode {
  InputCode input;
  std::vector<float> weight_scales;  ///< [out]
};

/// Codes of a model's linear maps, by the name of the weight.
using Quantization = std::map<std::string, LinearCode>;

/// For each row of `weight` [out, in] the scale at which its largest magnitude is 127; of a row of
/// zeros 1.
std::vector<float> weight_scales(const Tensor& weight);

/// `weight` [out, in] f32 in integers, rounded to nearest, [out, in].
std::vector<std::int8_t> weight_integers(const Tensor& weight, const std::vector<float>& scales);

}  // namespace tessera
