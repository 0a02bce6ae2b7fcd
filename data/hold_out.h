// Which of the training images are kept back for validation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/data_config.h"

namespace tessera {

/// Whether `data.val_split` or `data.folds` takes validation from training.
bool holds_out(const DataConfig& config);

/// Of training images whose classes are `classes`, from 0 on, in the order of the data set.
///
/// With `val_split` s, of each class round(s n) of its n images, at least one and not all; a class
/// of one image stays in training. With `folds` k, every image is in one of k parts that differ by
/// at most one image, in all and in each class; `fold` says which part. Both are drawn by
/// `split_seed` alone.
std::vector<bool> held_out(std::span<const std::int64_t> classes, const DataConfig& config);

}  // namespace tessera
