// What is learned, and what is made small for it: the `task:` part of a configuration.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera {

enum class TaskName : std::uint8_t {
  kClassification,  ///< a class for an image
  kSegmentation,    ///< a class for each pixel
  kDetection,       ///< boxes around things, each with a class
  kSimmim,          ///< what was hidden of an image
};

enum class LossName : std::uint8_t { kCrossEntropy, kBinaryCrossEntropy, kFocal };

/// The loss of a classifier; its keys are `train.loss` and `train.label_smoothing`.
struct LossConfig {
  LossName name = LossName::kCrossEntropy;
  double label_smoothing = 0.0;
  double focal_gamma = 2.0;  ///< kFocal: how much less what is certain already teaches
};

/// How much a class counts in a loss.
enum class ClassWeights : std::uint8_t {
  kNone,       ///< as much as any other
  kBalanced,   ///< the less, the more there is of it; see balanced_weights
  kEffective,  ///< the same by effective numbers of images; see effective_weights
  kGiven,      ///< as a list says
};

struct ClassWeighting {
  ClassWeights balance = ClassWeights::kNone;
  std::vector<float> weights{};  ///< one a class; empty for kNone, and until the data are counted
};

struct TaskConfig {
  TaskName name = TaskName::kClassification;
  LossConfig loss;
  ClassWeighting weighting;
};

}  // namespace tessera
