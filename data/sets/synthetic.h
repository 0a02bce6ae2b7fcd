// A small learnable data set without files: one coloured shape on a noisy background an image.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/array_dataset.h"

namespace tessera {

struct ShapesOptions {
  ImageShape image = dataset_info(DatasetName::kSynthetic).image;  ///< 1 or 3 channels
  std::int64_t samples = 0;  ///< 0: as dataset_info says for the split
  std::uint64_t seed = 0;
};

/// Circles, squares, triangles and crosses, in turn, of random place, size, colours and noise. The
/// same options give the same images; the splits share none. Throws DataError if a side is less
/// than 8 pixels.
std::unique_ptr<ArrayDataset> make_shapes(const ShapesOptions& options, Split split);

/// The part `stored` of the configured size: of training so many images that, without what is held
/// out, those asked for are left.
std::unique_ptr<ArrayDataset> open_synthetic(const DataConfig& config, Split stored);

/// The labels of that many of them.
std::vector<std::uint8_t> synthetic_labels(std::int64_t samples);

}  // namespace tessera
