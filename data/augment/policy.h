// Random changes of colour and geometry by a published policy.
#pragma once

#include <cstdint>
#include <span>

#include "core/rng.h"
#include "data/data_config.h"
#include "data/images/image.h"

namespace tessera {

/// Changes `image` as `config.policy` says; `fill` is the colour of what comes in at the border.
///
/// RandAugment (arXiv:1909.13719) in the variant that vision transformers are trained with, known
/// as `rand-m9-mstd0.5-inc1`: `policy_ops` ops of 15, each with probability 1/2, their magnitude
/// (of 10) from a normal distribution, every op the stronger the larger it is. TrivialAugment
/// (arXiv:2103.10158), wide: one op of 14 at one of 31 magnitudes. AutoAugment (arXiv:1805.09501),
/// found for CIFAR-10: one of 25 pairs of ops.
void apply_policy(Image& image, const AugmentConfig& config, std::span<const std::uint8_t> fill,
                  Rng& rng);

}  // namespace tessera
