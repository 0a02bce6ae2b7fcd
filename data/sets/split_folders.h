// Where the splits and classes of a folder or archive of images lie.
#pragma once

#include <string>
#include <vector>

#include "data/sets/findings.h"
#include "files/file_source.h"

namespace tessera {

/// Folders below the root; each holds class folders.
struct SplitFolders {
  std::string base;        ///< folders above, if there is but one way down
  bool has_train = false;  ///< a folder of its own; else `train` is `base`
  std::string train;
  std::string val;          ///< empty: none
  std::string test;         ///< empty: none
  std::string annotations;  ///< of Tiny ImageNet's val; empty: none
  std::string problem;      ///< why these folders cannot be meant; empty: they can
};

/// Splits are known by the names train, training; val, valid, validation; test, testing, in letters
/// of any case. Around the splits, and between a split and its classes, there may be one folder
/// alone (`flowers/train/images/CLASS`). Without a training folder the classes lie at the base. A
/// problem are two folders of one split, and a folder of testing without one of training.
SplitFolders find_split_folders(const FileSource& files);

/// What lies beside the splits at the base and is not read.
void add_unread_beside(const FileSource& files, const SplitFolders& splits, Findings& findings);

}  // namespace tessera
