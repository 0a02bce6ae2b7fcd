// Names of the parts of an FCOS detector here and in torchvision, whose detectors keep the backbone
// in `backbone.body`.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tessera {

/// What torchvision's names of a detector's backbone begin with.
inline constexpr std::string_view kDetectorBody = "backbone.body.";

/// Whether names, of either kind, are those of a detector.
bool are_detector_names(std::span<const std::string> names);

/// `head.regression_head.conv.3.weight` -> `head.box_tower.1.conv.weight`; nullopt for what is not
/// of pyramid or head.
std::optional<std::string> detector_to_tessera(std::string_view name);

/// The reverse; nullopt also for the scales of levels, which torchvision does not have.
std::optional<std::string> detector_from_tessera(std::string_view name);

/// Whether a part of Tessera's detectors is 1 in torchvision's, which have no such part.
bool is_one_in_torchvision(std::string_view name);

}  // namespace tessera
