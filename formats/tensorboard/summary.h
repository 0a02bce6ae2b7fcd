// What one event shows, as TensorBoard's Summary message (tensorboard/compat/proto/summary.proto).
#pragma once

#include <string>
#include <string_view>

#include "data/dataset_info.h"
#include "formats/tensorboard/histogram.h"

namespace tessera::tensorboard {

/// Values under tags. Tags of one start, `loss/train` and `loss/test`, are shown as one group.
class Summary {
 public:
  void scalar(std::string_view tag, double value);

  /// `png` are the bytes of a file of this shape.
  void image(std::string_view tag, const ImageShape& shape, std::string_view png);

  void histogram(std::string_view tag, const Histogram& histogram);

  /// Markdown.
  void text(std::string_view tag, std::string_view markdown);

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace tessera::tensorboard
