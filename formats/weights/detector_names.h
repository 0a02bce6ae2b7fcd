// Names of the parts of FCOS and RetinaNet detectors here and in torchvision, whose detectors keep
// the backbone in `backbone.body`.
#pragma once

#include <span>
#include <string_view>

#include "formats/weights/name_rows.h"

namespace tessera {

/// Pyramid and head: `head.box_tower.1.conv.weight`, `head.regression_head.conv.3.weight`.
std::span<const NameRow> detector_head_rows();

/// Whether a part of Tessera's detectors is 1 in torchvision's, which have no such part.
bool is_one_in_torchvision(std::string_view name);

}  // namespace tessera
