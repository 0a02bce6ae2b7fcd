// The files that a study leaves: results.json, results.csv, timing.csv, results.md, report.html.
#pragma once

#include <filesystem>

#include "study/results.h"

namespace tessera {

/// Writes all into the study's folder, each in one piece. docs/studies.md says what they hold.
/// Throws CheckpointError if the disk is full.
void write_result_files(const StudyResults& results, const std::filesystem::path& folder);

}  // namespace tessera
