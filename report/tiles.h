// Pictures of images beside each other in a section.
#pragma once

#include <string>

#include "data/images/image.h"
#include "report/plot/markup.h"

namespace tessera::report {

/// Of 3 channels.
Image in_color(const Image& image);

/// `image` with `text` below it.
void add_tile(Markup& html, const Image& image, const std::string& text);

/// The colours of maps from none to most.
std::string heat_scale();

}  // namespace tessera::report
