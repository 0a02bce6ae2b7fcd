// `eval` of a model that finds boxes.
#pragma once

#include "cli/eval_report.h"

namespace tessera {

/// Tests `saved` on `dataset`: COCO's figures, a table of the classes, precision and recall, or
/// JSON; where `options.predictions` names a folder, `detections.json` and `truth.json` as COCO has
/// them. Throws ConfigError for options that are of other tasks.
void eval_boxes(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset);

}  // namespace tessera
