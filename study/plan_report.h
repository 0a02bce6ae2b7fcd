// What a study is about to do, as a person reads it before it starts.
#pragma once

#include <string>

#include "study/results.h"

namespace tessera {

/// Cells with their stages, parameters, arithmetic, memory and expected time, what `match` changed
/// and how near it came, and how much is left to train.
std::string plan_report(const StudyResults& results);

/// Seconds that the unfinished runs are expected to take; nothing if a speed is not known.
std::optional<double> expected_rest(const StudyResults& results);

}  // namespace tessera
