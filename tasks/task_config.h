// What is learned, and what is made small for it.
#pragma once

#include <cstdint>

namespace tessera {

enum class LossName : std::uint8_t { kCrossEntropy, kBinaryCrossEntropy };

/// The loss of a classifier.
struct LossConfig {
  LossName name = LossName::kCrossEntropy;
  double label_smoothing = 0.0;
};

}  // namespace tessera
