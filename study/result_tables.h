// The findings of a study as tables.
#pragma once

#include <string>

#include "study/results.h"

namespace tessera {

/// Everything in one table, for a terminal.
std::string result_table(const StudyResults& results);

/// For a paper, in Markdown: what was found, and apart from it what differs from one repetition to
/// the next, speed, time and memory.
std::string result_page(const StudyResults& results);

}  // namespace tessera
