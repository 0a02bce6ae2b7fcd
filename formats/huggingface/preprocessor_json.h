// The preprocessor_config.json of a model of Hugging Face's transformers: how an image becomes the
// input.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace tessera {

struct Preprocessing {
  std::vector<float> mean{}, std{};  ///< a channel each, pixels 0..1
  bool bicubic = false;              ///< bilinear otherwise; both with antialiasing
  double test_crop = 1.0;            ///< side of the middle that is kept, of the scaled image's
};

/// The text of the file. The shorter side is scaled and the middle cut out, as in the tests here;
/// an input that is not square is scaled to it at once, which is the same for images of its shape.
/// Segmentation (`dense`) has the whole image scaled.
std::string preprocessor_json(const Preprocessing& preprocessing, Size2 image, bool dense = false);

/// Throws ConfigError, in which `path` stands for the file, if it is none.
Preprocessing parse_preprocessor_json(std::string_view json, const std::string& path);

}  // namespace tessera
