#include "cli/data_check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/class_warnings.h"
#include "data/sets/image_folder.h"
#include "train/open_split.h"
#include "train/training_log.h"

namespace tessera {
namespace {

using Splits = std::array<std::pair<const char*, Split>, 3>;

/// Where one part is both, the first name is its own: a folder's is mostly `val`, MNIST's `test`.
Splits splits_of(const Config& config) {
  if (lies_in_files(config.data.name)) {
    return {{{"train", Split::kTrain}, {"val", Split::kVal}, {"test", Split::kTest}}};
  }
  return {{{"train", Split::kTrain}, {"test", Split::kTest}, {"val", Split::kVal}}};
}

bool holds(const std::vector<std::string>& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

/// Splits in one folder have the same to tell.
void add_new(std::vector<std::string> lines, std::vector<std::string>& to) {
  for (std::string& line : lines) {
    if (!holds(to, line)) to.push_back(std::move(line));
  }
}

/// Opens what is not the same as a split before.
void open_splits(const Config& config, bool only_training, CheckedData& data) {
  std::set<std::uint64_t> seen;
  for (const auto& [name, split] : splits_of(config)) {
    if (only_training && split != Split::kTrain) continue;
    try {
      std::unique_ptr<Dataset> dataset = open_split(config, split);
      if (!seen.insert(dataset->fingerprint()).second) continue;
      Findings findings;
      if (config.data.name == DatasetName::kImageFolder) {
        findings = image_folder_findings(config.data, split);
      }
      // What a run warns of are findings too, and notes are no problems.
      for (std::string& warning : dataset->take_warnings()) {
        if (!holds(findings.problems, warning) && !holds(findings.notes, warning)) {
          findings.problems.push_back(std::move(warning));
        }
      }
      add_new(std::move(findings.problems), data.problems);
      add_new(std::move(findings.notes), data.notes);
      data.splits.push_back({name, std::move(dataset), {}});
    } catch (const DataError& error) {
      if (split == Split::kTrain) throw;
      if (data.problems.empty() || data.problems.back() != error.what()) {
        data.problems.emplace_back(error.what());
      }
    }
  }
}

void find_problems(const CheckedSplit& split, std::vector<std::string>& problems) {
  const DataReport& report = split.report;
  for (const UnreadableSample& sample : report.unreadable) problems.push_back(sample.error);
  for (const std::string& name : report.empty_classes) {
    problems.push_back(fmt::format("{} has no images of class {}", split.name, name));
  }
  const std::vector<std::string>& classes = split.dataset->class_names();
  for (const auto& [later, first] : report.conflicts) {
    problems.push_back(fmt::format("{}: {} ({}) has the pixels of {} ({})", split.name,
                                   shown(split.dataset->sample_name(later)),
                                   classes[static_cast<std::size_t>(split.dataset->label(later))],
                                   shown(split.dataset->sample_name(first)),
                                   classes[static_cast<std::size_t>(split.dataset->label(first))]));
  }
}

void compare_splits(CheckedData& data) {
  for (std::size_t later = 1; later < data.splits.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const CheckedSplit& a = data.splits[earlier];
      const CheckedSplit& b = data.splits[later];
      SharedSamples shared{earlier, later, shared_samples(a.report, b.report)};
      for (const auto& [sample, other] : shared.samples) {
        data.problems.push_back(fmt::format("{}: {} has the pixels of {} in {}", a.name,
                                            shown(a.dataset->sample_name(sample)),
                                            shown(b.dataset->sample_name(other)), b.name));
      }
      if (!shared.samples.empty()) data.shared.push_back(std::move(shared));
    }
  }
}

/// Names and places of both, and whether they are of different classes.
std::string near_text(const CheckedSplit& a, std::int64_t sample, const CheckedSplit& b,
                      std::int64_t other) {
  const auto class_of = [](const CheckedSplit& split, std::int64_t i) {
    return split.dataset->class_names()[static_cast<std::size_t>(split.dataset->label(i))];
  };
  std::string text =
      fmt::format("{}: {} looks nearly like {}{}", a.name, shown(a.dataset->sample_name(sample)),
                  shown(b.dataset->sample_name(other)), &a == &b ? "" : " in " + b.name);
  if (a.dataset->target_kind() != TargetKind::kClass) return text;
  const std::string own = class_of(a, sample), its = class_of(b, other);
  return own == its ? text : fmt::format("{}, and is labelled {}, not {}", text, own, its);
}

/// A line each, as far as a person would read on.
void find_near(CheckedData& data) {
  constexpr std::size_t kMost = 20;
  std::size_t found = 0;
  for (std::size_t later = 0; later < data.splits.size(); ++later) {
    for (std::size_t earlier = 0; earlier <= later; ++earlier) {
      const CheckedSplit &a = data.splits[earlier], &b = data.splits[later];
      SharedSamples near{earlier, later, near_samples(a.report, b.report)};
      for (const auto& [sample, other] : near.samples) {
        if (found++ < kMost) data.notes.push_back(near_text(a, sample, b, other));
      }
      if (!near.samples.empty()) data.near.push_back(std::move(near));
    }
  }
  if (found > kMost) {
    data.notes.push_back(
        fmt::format("{} more images look nearly like another; --json gives all", found - kMost));
  }
}

}  // namespace

CheckedData check_data(const Config& config, bool only_training, Log& log) {
  CheckedData data;
  open_splits(config, only_training, data);
  for (CheckedSplit& split : data.splits) {
    Progress progress(log, "reading " + split.name, split.dataset->size());
    split.report = check_dataset(*split.dataset, [&](std::int64_t done) { progress.update(done); });
    find_problems(split, data.problems);
  }
  compare_splits(data);
  // Classes that a split lacks are problems already.
  for (std::string& line : class_warnings(*data.splits.front().dataset, nullptr)) {
    data.notes.push_back(std::move(line));
  }
  if (lies_in_files(config.data.name)) find_near(data);
  return data;
}

std::vector<std::string> samples_to_skip(const CheckedData& data, bool near) {
  std::set<std::string> names;
  for (const CheckedSplit& split : data.splits) {
    for (const UnreadableSample& sample : split.report.unreadable) {
      names.insert(split.dataset->sample_name(sample.sample));
    }
  }
  for (const SharedSamples& shared : data.shared) {
    for (const auto& [sample, other] : shared.samples) {
      names.insert(data.splits[shared.split].dataset->sample_name(sample));
    }
  }
  if (near) {
    for (const SharedSamples& alike : data.near) {
      for (const auto& [sample, other] : alike.samples) {
        names.insert(data.splits[alike.split].dataset->sample_name(sample));
      }
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace tessera
