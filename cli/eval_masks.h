// `eval` of a model that gives each pixel a class.
#pragma once

#include "cli/eval_report.h"

namespace tessera {

/// Tests `saved` on `dataset`: figures, a table of the classes, or JSON; index PNGs of the
/// predictions where `options.predictions` names a folder. Throws ConfigError for options that are
/// of classifiers.
void eval_masks(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset);

}  // namespace tessera
