// What a model puts out: the `head` of a model's configuration.
#pragma once

#include <cstdint>

namespace tessera {

enum class HeadType : std::uint8_t {
  kLinear,  ///< see LinearHead
};

/// What stands behind the convolutions of a head.
enum class HeadNorm : std::uint8_t {
  kGroup,        ///< of a sample, over groups of channels: right for any batch
  kBatch,        ///< of a batch; in evaluation the running statistics
  kFrozenBatch,  ///< the running statistics in training too, which stay as they are
  kLayer,        ///< of a position, over all channels
};

/// Each type has values of its own; those of the others mean nothing to it.
struct HeadConfig {
  HeadType type = HeadType::kLinear;
};

}  // namespace tessera
