#include "data/augment/policy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "data/augment/pixel_ops.h"

namespace tessera {
namespace {

using Op = PolicyOp;

double with_random_sign(double value, Rng& rng) { return rng.below(2) == 0 ? value : -value; }

/// How far a policy's ops go at their largest magnitude.
struct Reach {
  double shear;
  double translate_x;  // pixels
  double translate_y;
  double degrees;
  double blend;  // distance of the factor from 1
  int bits;      // that posterize takes away
};

/// The amount of `op` at `share` 0..1 of its reach, the sign drawn where it has one. The amount of
/// an op that knows only one strength is 0.
double amount_of(Op op, double share, const Reach& reach, Rng& rng) {
  switch (op) {
    case Op::kShearX:
    case Op::kShearY:
      return with_random_sign(share * reach.shear, rng);
    case Op::kTranslateX:
      return with_random_sign(share * reach.translate_x, rng);
    case Op::kTranslateY:
      return with_random_sign(share * reach.translate_y, rng);
    case Op::kRotate:
      return with_random_sign(share * reach.degrees, rng);
    case Op::kBrightness:
    case Op::kContrast:
    case Op::kSaturation:
    case Op::kSharpness:
      return 1.0 + with_random_sign(share * reach.blend, rng);
    case Op::kPosterize:
      return 8.0 - std::round(share * reach.bits);
    case Op::kSolarize:
      return std::floor(255.0 * (1.0 - share));
    case Op::kSolarizeAdd:
      return std::floor(110.0 * share);
    default:
      return 0.0;
  }
}

std::vector<PolicyChange> rand_augment(const ImageShape& shape, const AugmentConfig& config,
                                       Rng& rng) {
  constexpr std::array kOps = {
      Op::kAutocontrast, Op::kEqualize,    Op::kInvert,     Op::kRotate,     Op::kPosterize,
      Op::kSolarize,     Op::kSolarizeAdd, Op::kSaturation, Op::kContrast,   Op::kBrightness,
      Op::kSharpness,    Op::kShearX,      Op::kShearY,     Op::kTranslateX, Op::kTranslateY};
  const Reach reach{.shear = 0.3,
                    .translate_x = 0.45 * static_cast<double>(shape.width),
                    .translate_y = 0.45 * static_cast<double>(shape.height),
                    .degrees = 30.0,
                    .blend = 0.9,
                    .bits = 0};
  std::vector<PolicyChange> changes;
  for (std::int64_t i = 0; i < config.policy_ops; ++i) {
    const Op op = kOps[rng.below(kOps.size())];
    if (rng.below(2) == 0) continue;
    const double drawn = config.policy_magnitude + config.policy_std * double{rng.normal()};
    const double share = std::clamp(drawn, 0.0, 10.0) / 10.0;
    double amount = amount_of(op, share, reach, rng);
    // Here these begin at 4 bits and at a threshold of 256.
    if (op == Op::kPosterize) amount = 4.0 - std::floor(4.0 * share);
    if (op == Op::kSolarize) amount = 256.0 - std::floor(256.0 * share);
    changes.push_back({op, amount});
  }
  return changes;
}

std::vector<PolicyChange> trivial_augment(Rng& rng) {
  constexpr std::array kOps = {Op::kIdentity,     Op::kShearX,     Op::kShearY,   Op::kTranslateX,
                               Op::kTranslateY,   Op::kRotate,     Op::kContrast, Op::kBrightness,
                               Op::kAutocontrast, Op::kSaturation, Op::kEqualize, Op::kPosterize,
                               Op::kSolarize,     Op::kSharpness};
  constexpr Reach kReach{.shear = 0.99,
                         .translate_x = 32.0,
                         .translate_y = 32.0,
                         .degrees = 135.0,
                         .blend = 0.99,
                         .bits = 6};
  constexpr std::uint32_t kStrengths = 31;
  const Op op = kOps[rng.below(kOps.size())];
  const double share = rng.below(kStrengths) / (kStrengths - 1.0);
  return {{op, amount_of(op, share, kReach, rng)}};
}

struct PolicyStep {
  Op op;
  double probability;
  int magnitude;  // of 9
};

// Table 7 of arXiv:1805.09501 (appendix), policies of CIFAR-10.
constexpr std::array<std::array<PolicyStep, 2>, 25> kCifarPolicies = {{
    {{{Op::kInvert, 0.1, 0}, {Op::kContrast, 0.2, 6}}},
    {{{Op::kRotate, 0.7, 2}, {Op::kTranslateX, 0.3, 9}}},
    {{{Op::kSharpness, 0.8, 1}, {Op::kSharpness, 0.9, 3}}},
    {{{Op::kShearY, 0.5, 8}, {Op::kTranslateY, 0.7, 9}}},
    {{{Op::kAutocontrast, 0.5, 0}, {Op::kEqualize, 0.9, 0}}},
    {{{Op::kShearY, 0.2, 7}, {Op::kPosterize, 0.3, 7}}},
    {{{Op::kSaturation, 0.4, 3}, {Op::kBrightness, 0.6, 7}}},
    {{{Op::kSharpness, 0.3, 9}, {Op::kBrightness, 0.7, 9}}},
    {{{Op::kEqualize, 0.6, 0}, {Op::kEqualize, 0.5, 0}}},
    {{{Op::kContrast, 0.6, 7}, {Op::kSharpness, 0.6, 5}}},
    {{{Op::kSaturation, 0.7, 7}, {Op::kTranslateX, 0.5, 8}}},
    {{{Op::kEqualize, 0.3, 0}, {Op::kAutocontrast, 0.4, 0}}},
    {{{Op::kTranslateY, 0.4, 3}, {Op::kSharpness, 0.2, 6}}},
    {{{Op::kBrightness, 0.9, 6}, {Op::kSaturation, 0.2, 8}}},
    {{{Op::kSolarize, 0.5, 2}, {Op::kInvert, 0.0, 0}}},
    {{{Op::kEqualize, 0.2, 0}, {Op::kAutocontrast, 0.6, 0}}},
    {{{Op::kEqualize, 0.2, 0}, {Op::kEqualize, 0.6, 0}}},
    {{{Op::kSaturation, 0.9, 9}, {Op::kEqualize, 0.6, 0}}},
    {{{Op::kAutocontrast, 0.8, 0}, {Op::kSolarize, 0.2, 8}}},
    {{{Op::kBrightness, 0.1, 3}, {Op::kSaturation, 0.7, 0}}},
    {{{Op::kSolarize, 0.4, 5}, {Op::kAutocontrast, 0.9, 0}}},
    {{{Op::kTranslateY, 0.9, 9}, {Op::kTranslateY, 0.7, 9}}},
    {{{Op::kAutocontrast, 0.9, 0}, {Op::kSolarize, 0.8, 3}}},
    {{{Op::kEqualize, 0.8, 0}, {Op::kInvert, 0.1, 0}}},
    {{{Op::kTranslateY, 0.7, 9}, {Op::kAutocontrast, 0.9, 0}}},
}};

std::vector<PolicyChange> auto_augment_cifar(const ImageShape& shape, Rng& rng) {
  // Translations were searched as 150 of 331 pixels.
  const Reach reach{.shear = 0.3,
                    .translate_x = 150.0 / 331.0 * static_cast<double>(shape.width),
                    .translate_y = 150.0 / 331.0 * static_cast<double>(shape.height),
                    .degrees = 30.0,
                    .blend = 0.9,
                    .bits = 4};
  std::vector<PolicyChange> changes;
  for (const PolicyStep& step : kCifarPolicies[rng.below(kCifarPolicies.size())]) {
    if (double{rng.uniform()} >= step.probability) continue;
    changes.push_back({step.op, amount_of(step.op, step.magnitude / 9.0, reach, rng)});
  }
  return changes;
}

}  // namespace

std::vector<PolicyChange> draw_policy(const ImageShape& shape, const AugmentConfig& config,
                                      Rng& rng) {
  switch (config.policy) {
    case AugmentPolicy::kNone:
      return {};
    case AugmentPolicy::kRandAugment:
      return rand_augment(shape, config, rng);
    case AugmentPolicy::kTrivialAugment:
      return trivial_augment(rng);
    case AugmentPolicy::kAutoAugmentCifar:
      return auto_augment_cifar(shape, rng);
  }
  return {};
}

std::optional<Affine> affine_of(const PolicyChange& change, const ImageShape& shape) {
  const double amount = change.amount;
  switch (change.op) {
    case Op::kShearX:
      return Affine{1, amount, 0, 0, 1, 0};
    case Op::kShearY:
      return Affine{1, 0, 0, amount, 1, 0};
    case Op::kTranslateX:
      return Affine{1, 0, amount, 0, 1, 0};
    case Op::kTranslateY:
      return Affine{1, 0, 0, 0, 1, amount};
    case Op::kRotate:
      return rotation(shape, amount);
    default:
      return std::nullopt;
  }
}

void apply(const PolicyChange& change, Image& image, std::span<const std::uint8_t> fill) {
  if (const std::optional<Affine> affine = affine_of(change, image.shape)) {
    image = warp(image, *affine, fill);
    return;
  }
  const double amount = change.amount;
  switch (change.op) {
    case Op::kBrightness:
      return adjust_brightness(image, amount);
    case Op::kContrast:
      return adjust_contrast(image, amount);
    case Op::kSaturation:
      return adjust_saturation(image, amount);
    case Op::kSharpness:
      return adjust_sharpness(image, amount);
    case Op::kPosterize:
      return posterize(image, static_cast<int>(amount));
    case Op::kSolarize:
      return solarize(image, static_cast<int>(amount));
    case Op::kSolarizeAdd:
      return solarize_add(image, static_cast<int>(amount));
    case Op::kAutocontrast:
      return autocontrast(image);
    case Op::kEqualize:
      return equalize(image);
    case Op::kInvert:
      return invert(image);
    default:
      return;
  }
}

}  // namespace tessera
