#include "study/extend_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "study/added_seeds.h"
#include "study/run_study.h"
#include "study/study_record.h"

namespace tessera {
namespace {

/// Cell and seed of the runs that failed when results were written last.
std::set<std::pair<std::string, std::int64_t>> failed_runs(const std::filesystem::path& folder) {
  std::set<std::pair<std::string, std::int64_t>> failed;
  if (!is_study(folder)) return failed;
  for (const StudyCell& cell : read_study_record(folder).cells) {
    for (const StudyRun& run : cell.runs) {
      if (run.status == RunStatus::kFailed) failed.emplace(cell.name, run.seed);
    }
  }
  return failed;
}

void check_extendable(const StudyResults& results, const std::filesystem::path& folder) {
  const auto failed = failed_runs(folder);
  std::size_t missing = 0;
  bool any = false;
  for (const CellResult& cell : results.cells) {
    for (const RunResult& run : cell.runs) {
      if (run.status == RunStatus::kDone) {
        any = true;
      } else if (!failed.contains({cell.cell.name, run.seed})) {
        ++missing;
      }
    }
  }
  if (missing == 0 && any) return;
  if (missing == 0) {
    fail<ConfigError>("{}: no run of it is done; --extend adds seeds to a study that is finished",
                      folder.string());
  }
  fail<ConfigError>(
      "{}: {} of its runs {} not done; --extend adds seeds to a study that is finished, the same "
      "command without it finishes this one",
      folder.string(), missing, missing == 1 ? "is" : "are");
}

}  // namespace

std::int64_t seeds_to_add(const std::string& text) {
  constexpr std::string_view kName = "seeds=";
  constexpr std::int64_t kMost = 1000;
  std::int64_t count = 0;
  if (text.starts_with(kName)) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + kName.size(), end, count);
    if (error == std::errc() && stop == end && count >= 1 && count <= kMost) return count;
  }
  fail<ConfigError>(
      "--extend: expected seeds=N with N from 1 to {}, as in --extend seeds=2, got {}", kMost,
      quoted(text));
}

void extend_study(StudyResults& results, const StudyFolder& folder, std::int64_t count,
                  Claims* claims, Log& log) {
  std::unique_ptr<Claim> claim;
  if (claims != nullptr && (claim = claims->take("extend")) == nullptr) {
    fail<ConfigError>("{}: another process adds seeds now; join it without --extend",
                      folder.path().string());
  }
  take_added_seeds(results.study, folder.path());  // another process may have been faster
  read_runs(results, folder.runs());
  check_extendable(results, folder.path());
  add_seeds(results.study, count, folder.path());
  read_runs(results, folder.runs());
  log.info("added: seed {}", fmt::join(results.study.added.back(), ", seed "));
}

}  // namespace tessera
