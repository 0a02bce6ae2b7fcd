// A study as people read it: what it is about to do, what it found, and the files that it leaves.
#pragma once

#include <filesystem>
#include <string>

#include "study/results.h"
#include "study/study_folder.h"

namespace tessera {

/// Cells with their stages, parameters, arithmetic, memory and expected time, what `match` changed
/// and how near it came, and how much is left to train.
std::string plan_report(const StudyResults& results);

/// Seconds that the unfinished runs are expected to take; nothing if a speed is not known.
std::optional<double> expected_rest(const StudyResults& results);

/// Everything in one table, for a terminal.
std::string result_table(const StudyResults& results);

/// Every run: done, failed, waiting, or who trains it since when. `runs` are those in the folder.
std::string status_table(const StudyResults& results, const StudyRuns& runs);

/// For a paper, in Markdown: what was found, and apart from it what differs from one repetition to
/// the next, speed, time and memory.
std::string result_page(const StudyResults& results);

/// Writes all into the study's folder, each in one piece. docs/studies.md says what they hold.
/// Throws CheckpointError if the disk is full.
void write_result_files(const StudyResults& results, const std::filesystem::path& folder);

}  // namespace tessera
