// A run as its report sees it: the record, and as far as they are there the weights and what they
// make of the test images.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/box_result.h"
#include "report/filled_section.h"
#include "report/mask_result.h"
#include "report/run_record.h"
#include "report/test_result.h"
#include "train/log.h"
#include "train/saved_model.h"

namespace tessera::report {

struct RunView {
  RunRecord record;
  std::optional<SavedModel> saved;     ///< its parameters are frozen, dropout and drop path are off
  std::unique_ptr<Dataset> images;     ///< the test split
  std::optional<TestResult> test;      ///< of a classifier
  std::optional<MaskResult> masks;     ///< of a model that gives each pixel a class
  std::optional<BoxResult> boxes;      ///< of a detector
  std::optional<FilledResult> filled;  ///< of a model that fills images in
  std::vector<std::string> class_names;
  std::vector<std::string> notices;  ///< what is not there yet or cannot be read, a sentence each
};

/// Reads the run and tests its best checkpoint, once. `overrides` are laid over its configuration.
/// A run without a checkpoint, or whose test images are not to be found, is seen without them.
/// Throws as read_run_record and load_saved_model do.
RunView view_run(const std::filesystem::path& path, std::span<const std::string> overrides,
                 Log& log);

}  // namespace tessera::report
