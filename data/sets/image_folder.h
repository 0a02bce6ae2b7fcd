// Images that stay in their files until they are asked for: any size, any number.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sets/findings.h"

namespace tessera {

/// One split of the images below `config.root`, found as `data/sets/image_files.h` says. Only names
/// are read now; what is not read of them is a warning. Throws DataError if there are none, or of a
/// class that is not in `config.classes` (of training, if empty).
std::unique_ptr<Dataset> open_image_folder(const DataConfig& config, Split split);

/// What of the files of a split is not read. Throws DataError as open_image_folder.
Findings image_folder_findings(const DataConfig& config, Split split);

/// Whether a root holds a folder for the images of training, as against one folder of classes.
/// Throws DataError.
bool has_training_folder(const std::string& root);

/// The classes of training below `config.root`. Throws DataError.
std::vector<std::string> image_folder_classes(const DataConfig& config);

/// Whether kVal and kTest are the same images. Throws DataError.
bool image_folder_validates_on_test(const DataConfig& config);

}  // namespace tessera
