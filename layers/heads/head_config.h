// What a model puts out: the `head` of a model's configuration.
#pragma once

#include <cstdint>
#include <vector>

#include "layers/heads/detector_config.h"

namespace tessera {

enum class HeadType : std::uint8_t {
  kLinear,     ///< see LinearHead
  kUperNet,    ///< see UperNetHead
  kFpn,        ///< see FpnHead
  kFcn,        ///< see FcnHead
  kFcos,       ///< see FcosHead
  kRetinaNet,  ///< see RetinaNetHead
  kPixels,     ///< see PixelHead
};

/// What stands behind the convolutions of a head.
enum class HeadNorm : std::uint8_t {
  kGroup,        ///< of a sample, over groups of channels: right for any batch
  kBatch,        ///< of a batch; in evaluation the running statistics
  kFrozenBatch,  ///< the running statistics in training too, which stay as they are
  kLayer,        ///< of a position, over all channels
};

/// How levels of a pyramid become one map.
enum class LevelJoin : std::uint8_t {
  kConcat,  ///< channels side by side, and a convolution that mixes them
  kSum,
};

/// In the place of a number of convolutions: as many as the head has where it was published.
inline constexpr std::int64_t kAutoConvs = -1;

/// In the place of a stage: the last but one.
inline constexpr std::int64_t kAutoStage = -1;

/// A second, smaller head that is trained along and has no part in evaluation: arXiv:1612.01105
/// section 3.4.
struct AuxiliaryConfig {
  bool on = true;
  double weight = 0.4;              ///< of its loss
  std::int64_t stage = kAutoStage;  ///< whose map it reads, from 0
  std::int64_t channels = 64;       ///< of its convolutions
  std::int64_t convs = 1;
};

/// In the place of a side of hidden squares: pixels of a token of the last stage.
inline constexpr std::int64_t kAutoMaskSide = 0;

/// What a model does not see of an image, and learns to fill in: arXiv:2111.09886.
struct MaskingConfig {
  std::int64_t side = kAutoMaskSide;  ///< of the squares that are hidden, pixels
  double ratio = 0.6;                 ///< of them by all
};

/// Each type has values of its own; those of the others mean nothing to it.
struct HeadConfig {
  HeadType type = HeadType::kLinear;
  std::int64_t channels =
      128;  ///< upernet, fpn, fcn: of the convolutions; fcos, retinanet: of pyramid, towers
  std::vector<std::int64_t> pool_scales{1, 2, 3, 6};  ///< upernet: sides of the pooled grids
  std::int64_t convs = kAutoConvs;  ///< fcn: before the classifier; fcos, retinanet: of each tower
  LevelJoin join = LevelJoin::kConcat;  ///< fpn
  HeadNorm norm = HeadNorm::kGroup;     ///< upernet, fpn, fcn
  double dropout = 0.1;         ///< upernet, fpn, fcn: of whole channels, before the classifier
  AuxiliaryConfig auxiliary{};  ///< upernet, fpn, fcn
  DetectorConfig detector{};
  MaskingConfig masking{};  ///< pixels
};

/// Whether a head of this type puts out a class for each pixel.
inline bool is_segmenting(HeadType type) {
  return type == HeadType::kUperNet || type == HeadType::kFpn || type == HeadType::kFcn;
}

/// Whether a head of this type puts out boxes.
inline bool is_detecting(HeadType type) {
  return type == HeadType::kFcos || type == HeadType::kRetinaNet;
}

/// Whether a head of this type puts out pixels, of which the model is not shown all.
inline bool is_filling(HeadType type) { return type == HeadType::kPixels; }

/// Whether a head of this type puts out a map rather than one answer for an image.
inline bool is_dense(HeadType type) { return type != HeadType::kLinear; }

}  // namespace tessera
