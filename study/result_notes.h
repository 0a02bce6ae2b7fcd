// What tables of results, in text and on pages, say of how to read them.
#pragma once

#include <string>

#include "study/results.h"

namespace tessera {

/// Where the figures of the test split come from, and what `best` is.
inline constexpr const char* kTestNote =
    "The test split was read once of each run, after training: \"test\" is its last checkpoint, "
    "\"best on val\" the checkpoint of its best validation. That choice is made on val alone; its "
    "val "
    "figure would be too good, its test figure is not.";

/// What means, intervals and p are of.
std::string explanation_of(const StudyResults& results);

/// All that holds for these results and not for every study, a paragraph each: val that is test,
/// the test split, seeds that were added, what the numbers of seeds mean. May be empty.
std::string notes_of(const StudyResults& results);

/// Whether a comparison of the first metric tells how many seeds it would need.
bool tells_seeds(const StudyResults& results);

/// `text` in lines of at most 100 characters.
std::string wrapped(const std::string& text);

}  // namespace tessera
