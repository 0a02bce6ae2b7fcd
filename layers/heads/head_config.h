// What a model puts out: the `head` of a model's configuration.
#pragma once

#include <cstdint>

namespace tessera {

enum class HeadType : std::uint8_t {
  kLinear,  ///< see LinearHead
};

/// Each type has values of its own; those of the others mean nothing to it.
struct HeadConfig {
  HeadType type = HeadType::kLinear;
};

}  // namespace tessera
