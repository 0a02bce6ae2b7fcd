#include "train/checkpoint_index.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "formats/json.h"
#include "train/checkpoint_meta.h"
#include "train/sealed_json.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr int kIndexVersion = 1;
constexpr std::string_view kStep = "step-", kDigits = "0123456789";

bool is_checkpoint(const fs::path& folder) { return is_there(folder / kMetaFile); }

CheckpointMeta meta_in(const fs::path& folder) {
  return decode_meta(read_text_file(folder / kMetaFile), folder / kMetaFile);
}

CheckpointIndex parse_index(const std::string& text, const fs::path& path) {
  const nlohmann::ordered_json json = unseal(text, path, /*must_have_seal=*/true);
  try {
    if (const int version = json.at("format_version").get<int>(); version != kIndexVersion) {
      fail<CheckpointError>("[checkpoint] {}: format version {}, this program reads {}",
                            path.string(), version, kIndexVersion);
    }
    CheckpointIndex index;
    json.at("last").get_to(index.last);
    index.best = json.at("best").is_null() ? "" : json.at("best").get<std::string>();
    for (const std::string& name : {index.last, index.best}) {
      if (name.find('/') != std::string::npos || name == "..") {
        fail<CheckpointError>("[checkpoint] {}: {:?} is no name", path.string(), name);
      }
    }
    return index;
  } catch (const nlohmann::json::exception& error) {
    fail<CheckpointError>("[checkpoint] {}: {}", path.string(), reason_of(error));
  }
}

/// What `last` or `best` of version 0.1 means: a link, or the copy of a folder or the text that
/// some tools make of one. Empty if it leads nowhere.
std::string linked(const fs::path& folder, CheckpointChoice choice) {
  const fs::path link = folder / to_string(choice);
  std::error_code error;
  if (fs::is_symlink(link, error)) {
    const std::string target = fs::read_symlink(link, error).filename().string();
    return is_checkpoint(folder / target) ? target : "";
  }
  if (fs::is_regular_file(link, error)) {
    const std::string target = read_text_file(link).substr(0, 64);
    return is_step_name(target) && is_checkpoint(folder / target) ? target : "";
  }
  if (!is_checkpoint(link)) return "";
  const std::string original = step_name(meta_in(link).step);
  const bool copied =
      is_checkpoint(folder / original) &&
      read_text_file(folder / original / kMetaFile) == read_text_file(link / kMetaFile);
  return copied ? original : std::string(to_string(choice));
}

/// The checkpoint of the highest step among `steps`.
std::string highest(const fs::path& folder, const std::vector<std::string>& steps) {
  std::string name;
  std::int64_t step = -1;
  for (const std::string& candidate : steps) {
    if (const std::int64_t own = meta_in(folder / candidate).step; own > step) {
      step = own;
      name = candidate;
    }
  }
  return name;
}

/// The checkpoint whose measure the run calls its best: of equal ones the first, as in training.
std::string best_of(const fs::path& folder, const std::vector<std::string>& steps,
                    const std::optional<double>& metric) {
  std::string best;
  std::int64_t step = std::numeric_limits<std::int64_t>::max();
  for (const std::string& name : steps) {
    const CheckpointMeta meta = meta_in(folder / name);
    if (!metric || meta.metric != metric || meta.step >= step) continue;
    step = meta.step;
    best = name;
  }
  return best;
}

/// Without `checkpoints.json`.
std::optional<CheckpointIndex> work_out(const fs::path& folder,
                                        const std::vector<std::string>& steps) {
  CheckpointIndex index{.last = linked(folder, CheckpointChoice::kLast),
                        .best = linked(folder, CheckpointChoice::kBest),
                        .note = {}};
  std::vector<std::string> worked_out;
  if (index.last.empty() && !steps.empty()) {
    index.last = highest(folder, steps);
    worked_out.push_back(fmt::format("the last is {}", index.last));
  }
  if (index.last.empty()) return std::nullopt;
  if (index.best.empty()) {
    index.best = best_of(folder, steps, meta_in(folder / index.last).best_metric);
    if (!index.best.empty()) worked_out.push_back(fmt::format("the best is {}", index.best));
  }
  if (!worked_out.empty()) {
    index.note = fmt::format(
        "{}: what says which checkpoint is the last and which the best is "
        "missing: from what is there, {}",
        folder.string(), fmt::join(worked_out, " and "));
  }
  return index;
}

}  // namespace

std::string_view to_string(CheckpointChoice choice) {
  return choice == CheckpointChoice::kLast ? "last" : "best";
}

std::string step_name(std::int64_t step) { return fmt::format("{}{}", kStep, step); }

bool is_step_name(std::string_view name) {
  if (!name.starts_with(kStep)) return false;
  name.remove_prefix(kStep.size());
  const std::size_t dot = name.find('.');
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
  };
  return is_number(name.substr(0, dot)) &&
         (dot == std::string_view::npos || is_number(name.substr(dot + 1)));
}

std::optional<CheckpointIndex> read_index(const fs::path& folder) {
  if (!is_there(folder)) return std::nullopt;
  if (const std::optional<std::string> text = read_if_there(folder / kIndexFile)) {
    return parse_index(*text, folder / kIndexFile);
  }
  std::vector<std::string> steps;
  for (const std::string& name : names_in(folder)) {
    if (is_step_name(name) && is_checkpoint(folder / name)) steps.push_back(name);
  }
  return work_out(folder, steps);
}

bool complete_index(const fs::path& folder) {
  const std::optional<CheckpointIndex> index = read_index(folder);
  if (!index || index->note.empty()) return false;
  write_index(folder, *index);
  return true;
}

void write_index(const fs::path& folder, const CheckpointIndex& index) {
  const nlohmann::ordered_json best =
      index.best.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(index.best);
  write_atomically(folder / kIndexFile,
                   seal({{"format_version", kIndexVersion}, {"last", index.last}, {"best", best}}));
}

}  // namespace tessera
