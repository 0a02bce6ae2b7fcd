// A contact sheet of what a network sees in training.
#pragma once

#include <cstdint>

#include "data/images/image.h"
#include "data/loader.h"

namespace tessera {

/// Image `i` of a batch as it was before it was normalised, RGB.
Image pixels_of(const Batch& batch, std::int64_t i, const Normalization& normalization);

/// An image of a batch with its mask or boxes drawn on it; as it is, if there are none.
Image with_target(Image image, const Batch& batch, std::int64_t i);

/// The first images of the first batches that a loader with these options gives, some `count` of
/// them, a batch a row, with their classes and, where two images are mixed, the share of each;
/// masks and boxes are drawn on them. Throws as the Loader does.
Image preview(const Dataset& dataset, const LoaderOptions& options, std::int64_t count);

}  // namespace tessera
