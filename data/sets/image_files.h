// Which files of a root are the samples of a split, and of what class.
#pragma once

#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/dataset.h"
#include "data/sets/findings.h"
#include "files/file_source.h"

namespace tessera {

struct ImageFile {
  std::string path;  ///< below the root
  std::string label;
};

/// The files of a split: those of its list in `config`, else of the class folders of its split
/// (`data/sets/split_folders.h`); those named in `config.skip` left out. What `held_out` chooses by
/// class goes from training to kVal. kVal is otherwise the folder of validation or of testing;
/// kTest is that of testing or what kVal is. Tiny ImageNet's `val_annotations.txt` says the classes
/// of its `val/images`; its `test` has none. What is not read goes to `findings`, if given. Throws
/// DataError that names the file or folder that does not fit, or what is missing.
std::vector<ImageFile> find_images(const FileSource& files, const DataConfig& config, Split split,
                                   Findings* findings = nullptr);

/// Whether kVal and kTest are the same images.
bool val_is_test(const FileSource& files, const DataConfig& config);

/// The classes of training, sorted: by value if all are whole numbers, else by bytes. Throws
/// DataError as find_images, or if a name cannot be shown: not UTF-8, or with control characters.
std::vector<std::string> training_classes(const FileSource& files, const DataConfig& config);

/// Whether there is a folder for the images of training, as against one folder of classes.
bool has_training_folder(const FileSource& files);

}  // namespace tessera
