#include "study/result_notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "study/added_seeds.h"
#include "train/open_split.h"

namespace tessera {
namespace {

constexpr const char* kSeedsAlone =
    "Means over seeds with 95 % confidence intervals (Student's t); differences to the baseline "
    "are\n"
    "paired by seed. What other test images would change is not in them. p is of no difference,\n"
    "corrected for the number of comparisons (Holm).";

constexpr const char* kSeedsAndImages =
    "Means over seeds with 95 % confidence intervals: of top-1 over seeds (Student's t) and the "
    "images\n"
    "tested on, else over seeds alone; differences to the baseline are paired by seed and image. p "
    "is of\n"
    "no difference, corrected for the number of comparisons (Holm).";

/// Where the figures called val come from, if that is not what one would think.
std::string validation_note(const StudyResults& results) {
  const std::string notice = validation_notice(results.cells.front().cell.config);
  return notice.empty() ? "" : "Note: " + notice + ".";
}

/// What is to be known of the columns that count seeds.
std::string seeds_note(const StudyResults& results) {
  if (!tells_seeds(results)) return "";
  const double wanted = results.study.interval;
  return fmt::format(
      "\"Seeds to show it\": about so many would show a difference of {} of the size that was "
      "found, "
      "if they spread as these do and nothing else were compared{}. From few seeds that is a rough "
      "guess.",
      title_of_metric(results.study.metrics.front()),
      wanted > 0.0
          ? fmt::format("; \"seeds for ± {:g}\": so many would make its interval that narrow",
                        wanted)
          : "");
}

}  // namespace

/// Runs of older versions kept no answers.
std::string explanation_of(const StudyResults& results) {
  const bool knows_images = std::ranges::any_of(results.cells, [](const CellResult& cell) {
    return std::ranges::any_of(cell.runs, [](const RunResult& run) {
      return std::ranges::any_of(run.right, [](const auto& kept) { return !kept.second.empty(); });
    });
  });
  return knows_images ? kSeedsAndImages : kSeedsAlone;
}

std::string notes_of(const StudyResults& results) {
  const Study& study = results.study;
  std::string text;
  for (const std::string& note :
       {validation_note(results), std::string(study.test ? kTestNote : ""),
        added_seeds_note(study.seeds, study.added), seeds_note(results)}) {
    if (note.empty()) continue;
    if (!text.empty()) text += '\n';
    text += wrapped(note);
  }
  return text;
}

bool tells_seeds(const StudyResults& results) {
  for (std::size_t i = 0; i < results.cells.size(); ++i) {
    const auto difference = difference_of(results, i, results.study.metrics.front());
    if (difference && difference->half_width) return true;
  }
  return false;
}

std::string wrapped(const std::string& text) {
  constexpr std::size_t kWidth = 100;
  std::istringstream words(text);
  std::string lines, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > kWidth) {
      lines += line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? lines : lines + line + '\n';
}

}  // namespace tessera
