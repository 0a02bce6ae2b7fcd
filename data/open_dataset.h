// The one place that opens data sets by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/dataset.h"

namespace tessera {

/// Opens one split of the configured data set. Training is without what `data.val_split` or
/// `data.folds` holds out, and kVal is that; else kVal is the split of that name, or the test split
/// where there is none. Throws DataError that names the file and what is wrong with it, or where
/// the files were searched and where to get them.
std::unique_ptr<Dataset> open_dataset(const DataConfig& config, Split split);

/// Whether kVal and kTest are the same images: what is chosen by validation is then no longer
/// tested on images that it has not seen. Throws DataError as open_dataset.
bool validates_on_test(const DataConfig& config);

/// The classes of a data set that lies in files of its own making, in the order of labels. Throws
/// DataError.
std::vector<std::string> dataset_classes(const DataConfig& config);

}  // namespace tessera
