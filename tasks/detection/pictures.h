// Detections for people to look at.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/images/image.h"
#include "data/sample.h"
#include "tasks/detection/detections.h"

namespace tessera {

/// An outline in the colour of its class around each, with class and score, over an image of 3
/// channels.
Image with_detections(const Image& image, std::span<const Detection> detections,
                      const std::vector<std::string>& names);

/// What is right in green, what was invented in red, truths that were missed in yellow; crowds and
/// what they hide thin and grey.
Image with_verdicts(const Image& image, std::span<const Box> truths,
                    std::span<const Detection> detections, const std::vector<std::string>& names);

}  // namespace tessera
