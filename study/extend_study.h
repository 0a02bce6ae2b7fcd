// More seeds for a study that is finished.
#pragma once

#include <cstdint>
#include <string>

#include "study/claims.h"
#include "study/results.h"
#include "study/study_folder.h"
#include "train/log.h"

namespace tessera {

/// The N of `seeds=N`, what `--extend` takes. Throws ConfigError.
std::int64_t seeds_to_add(const std::string& text);

/// Adds the next `count` seeds to the study and its folder, and reads what is there of their runs.
/// Throws ConfigError if runs are missing, but for those that failed when the study was at work
/// last: so the same call, made twice, adds seeds once. With `claims`, of those who have joined one
/// does it, and the others are told so.
void extend_study(StudyResults& results, const StudyFolder& folder, std::int64_t count,
                  Claims* claims, Log& log);

}  // namespace tessera
