#include "study/added_seeds.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "formats/json.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "added_seeds.json";
constexpr const char* kAdded = "added";
constexpr std::int64_t kLargest = 4294967295;

}  // namespace

void take_added_seeds(Study& study, const fs::path& folder) {
  const std::optional<std::string> text = read_if_there(folder / kFile);
  if (!text) return;
  try {
    study.added = parse_json(*text).at(kAdded).get<std::vector<std::vector<std::int64_t>>>();
  } catch (const Json::exception& error) {
    fail<DataError>(
        "{}: is not what --extend writes: {}; without it the study has the seeds of its "
        "file alone",
        (folder / kFile).string(), reason_of(error));
  }
  for (const std::vector<std::int64_t>& seeds : study.added) {
    for (const std::int64_t seed : seeds) {
      if (std::ranges::find(study.seeds, seed) == study.seeds.end()) study.seeds.push_back(seed);
    }
  }
}

void add_seeds(Study& study, std::int64_t count, const fs::path& folder) {
  const std::int64_t largest = std::ranges::max(study.seeds);
  if (largest > kLargest - count) {
    fail<ConfigError>("--extend seeds={}: after seed {} there are no {} more; the largest is {}",
                      count, largest, count, kLargest);
  }
  std::vector<std::int64_t> seeds;
  for (std::int64_t i = 1; i <= count; ++i) seeds.push_back(largest + i);
  study.added.push_back(seeds);
  write_atomically(folder / kFile, json_text(Json{{kAdded, study.added}}) + "\n");
  study.seeds.insert(study.seeds.end(), seeds.begin(), seeds.end());
}

std::string added_seeds_note(const std::vector<std::int64_t>& seeds,
                             const std::vector<std::vector<std::int64_t>>& added) {
  if (added.empty()) return "";
  std::vector<std::int64_t> later;
  for (const auto& batch : added) later.insert(later.end(), batch.begin(), batch.end());
  const std::int64_t looks = looks_of(added);
  return fmt::format(
      "{} of the {} seeds ({}) {} added after results had been seen. The intervals are those of a "
      "number of seeds that was fixed before: each look with the choice to go on is another chance "
      "to exclude zero. After {} looks a difference counts as shown where its p is below {:.3g} "
      "(0.05 over {}, Bonferroni).",
      later.size(), seeds.size(), fmt::join(later, ", "), later.size() == 1 ? "was" : "were", looks,
      0.05 / static_cast<double>(looks), looks);
}

}  // namespace tessera
