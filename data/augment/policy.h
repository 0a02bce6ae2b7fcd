// Random changes of colour and geometry by a published policy.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/rng.h"
#include "data/augment/affine.h"
#include "data/data_config.h"
#include "data/images/image.h"

namespace tessera {

enum class PolicyOp : std::uint8_t {
  kIdentity,
  kShearX,
  kShearY,
  kTranslateX,
  kTranslateY,
  kRotate,
  kBrightness,
  kContrast,
  kSaturation,
  kSharpness,
  kPosterize,
  kSolarize,
  kSolarizeAdd,
  kAutocontrast,
  kEqualize,
  kInvert,
};

struct PolicyChange {
  PolicyOp op = PolicyOp::kIdentity;
  double amount = 0.0;  ///< slope of a shear, pixels of a translation, degrees, factor of a blend,
                        ///< bits, threshold
};

/// What `config.policy` does to an image of that shape, one change after the other.
///
/// RandAugment (arXiv:1909.13719) in the variant that vision transformers are trained with, known
/// as `rand-m9-mstd0.5-inc1`: `policy_ops` ops of 15, each with probability 1/2, their magnitude
/// (of 10) from a normal distribution, every op the stronger the larger it is. TrivialAugment
/// (arXiv:2103.10158), wide: one op of 14 at one of 31 magnitudes. AutoAugment (arXiv:1805.09501),
/// found for CIFAR-10: one of 25 pairs of ops.
std::vector<PolicyChange> draw_policy(const ImageShape& shape, const AugmentConfig& config,
                                      Rng& rng);

/// What moves pixels; nothing of a change of colour.
std::optional<Affine> affine_of(const PolicyChange& change, const ImageShape& shape);

/// `fill` is the colour of what comes in at the border.
void apply(const PolicyChange& change, Image& image, std::span<const std::uint8_t> fill);

}  // namespace tessera
