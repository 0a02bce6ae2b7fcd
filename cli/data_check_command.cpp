#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/arguments.h"
#include "cli/box_check.h"
#include "cli/commands.h"
#include "cli/data_check.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "data/sets/box_fixes.h"
#include "data/sets/image_folder.h"
#include "data/sets/skip_list.h"
#include "data/survey.h"
#include "formats/json.h"
#include "train/config/config.h"
#include "train/readable.h"
#include "train/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostClasses = 24;   // more are summed up in a line
constexpr std::size_t kMostProblems = 50;  // more are only counted, but for --json

struct CheckOptions {
  std::string path;
  std::vector<std::string> overrides;
  std::string skip_file;
  bool skip_near = false;
  std::string fixed_folder;
  bool json = false;
};

/// A folder of classes alone, which has no images but those of training.
bool is_class_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) && !has_training_folder(path.string());
}

/// What is checked.
struct Subject {
  Config config;
  bool only_training = false;
  std::string
      read_as{};  ///< what a folder that nothing describes was taken for, if not for classes
};

/// What `init` would make of a folder or archive.
Subject subject_of(const std::string& root) {
  Subject subject;
  subject.config.has_data = true;
  DataConfig& data = subject.config.data;
  data = recognise_data(root);
  if (data.name == DatasetName::kImageFolder && data.train_list.empty()) {
    data.image = {224, 224, 3};
    subject.only_training = is_class_folder(root);
    return subject;
  }
  const DataSurvey survey = survey_data(root);
  data = survey.config;
  subject.only_training = survey.trains_on_all;
  const std::string how = data.train_list.empty() ? "" : ", by the list " + data.train_list;
  subject.read_as = "read as " + dataset_info(data.name).name + how;
  if (data.val_split > 0.0) {
    subject.read_as += fmt::format(", with {:.0f} % held out to validate", 100.0 * data.val_split);
  }
  return subject;
}

/// A configuration by its ending, a run by its configuration, anything else is the root of a data
/// set.
Subject subject_of(const CheckOptions& options) {
  const fs::path path = configuration_at(options.path);
  const std::string ending = path.extension().string();
  std::error_code ignored;
  if (!fs::is_directory(path, ignored) && (ending == ".yaml" || ending == ".yml")) {
    return {load_config(path, options.overrides)};
  }
  if (!options.overrides.empty()) {
    fail<ConfigError>("--set changes a configuration, and {} is none", options.path);
  }
  if (!fs::exists(options.path, ignored)) {
    fail<ConfigError>("{}: no such configuration or folder", options.path);
  }
  return subject_of(options.path);
}

Json to_json(const CheckedSplit& split, const Config& config) {
  const DataReport& report = split.report;
  Json unreadable = Json::array();
  for (const UnreadableSample& sample : report.unreadable) {
    unreadable.push_back(
        {{"sample", split.dataset->sample_name(sample.sample)}, {"error", sample.error}});
  }
  Json json = {{"samples", report.samples},
               {"unreadable", std::move(unreadable)},
               {"classes", split.dataset->class_names()},
               {"class_counts", report.class_counts},
               {"things", report.things},
               {"without_things", report.without_things},
               {"ignored", report.ignored},
               {"empty_classes", report.empty_classes},
               {"heights", report.heights},
               {"widths", report.widths},
               {"mean", report.measured.mean},
               {"std", report.measured.std},
               {"duplicates", report.duplicates},
               {"conflicting_labels", report.conflicts.size()},
               {"hash", fmt::format("{:016x}", report.hash)}};
  if (!report.boxes.empty()) json["boxes"] = to_json(box_facts(report, config));
  return json;
}

Json to_json(const CheckedData& data, const Config& config) {
  Json json = {{"name", data.splits.front().dataset->name()}};
  for (const CheckedSplit& split : data.splits) json[split.name] = to_json(split, config);
  json["shared"] = Json::array();
  for (const SharedSamples& shared : data.shared) {
    json["shared"].push_back({{"of", data.splits[shared.split].name},
                              {"in", data.splits[shared.later].name},
                              {"samples", shared.samples.size()}});
  }
  json["near"] = Json::array();
  for (const SharedSamples& near : data.near) {
    const CheckedSplit &a = data.splits[near.split], &b = data.splits[near.later];
    for (const auto& [sample, other] : near.samples) {
      json["near"].push_back({{"of", a.name},
                              {"sample", a.dataset->sample_name(sample)},
                              {"in", b.name},
                              {"other", b.dataset->sample_name(other)}});
    }
  }
  json["problems"] = data.problems;
  json["notes"] = data.notes;
  json["ok"] = data.problems.empty();
  return json;
}

std::string sizes_text(const DataReport& report) {
  const auto [low_h, mid_h, high_h] = report.heights;
  const auto [low_w, mid_w, high_w] = report.widths;
  if (low_h == high_h && low_w == high_w) return fmt::format("{} x {} pixels", low_h, low_w);
  return fmt::format("heights {} to {}, widths {} to {}, medians {} x {} pixels", low_h, high_h,
                     low_w, high_w, mid_h, mid_w);
}

void print_classes(const CheckedSplit& split) {
  const std::vector<std::int64_t>& counts = split.report.class_counts;
  const std::vector<std::string>& names = split.dataset->class_names();
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  if (counts.size() <= kMostClasses) {
    std::size_t width = 0;
    for (const std::string& name : names) width = std::max(width, name.size());
    for (std::size_t k = 0; k < counts.size(); ++k) {
      fmt::print("  {:<{}}{:>8}  {:>5.1f} %\n", names[k], width, counts[k],
                 100.0 * static_cast<double>(counts[k]) /
                     static_cast<double>(std::max<std::int64_t>(1, split.report.samples)));
    }
  }
  const auto name_of = [&](auto at) {
    return names[static_cast<std::size_t>(at - counts.begin())];
  };
  if (*least == *most) {
    fmt::print("  balance: {} in each of {}\n", plural(*least, "image"),
               plural(static_cast<std::int64_t>(counts.size()), "class", "classes"));
  } else {
    fmt::print("  balance: {} ({}) to {} ({})\n", *least, name_of(least), plural(*most, "image"),
               name_of(most));
  }
}

/// Of masks and boxes.
void print_things(const CheckedSplit& split) {
  const DataReport& report = split.report;
  if (report.things.empty()) return;
  std::int64_t all = 0;
  for (const std::int64_t count : report.things) all += count;
  const bool is_mask = split.dataset->target_kind() == TargetKind::kMask;
  fmt::print("  {} {} and {} ignored; {} without any:", all, is_mask ? "pixels" : "boxes",
             report.ignored, plural(report.without_things, "image"));
  for (std::size_t k = 0; k < std::min(report.things.size(), kMostClasses); ++k) {
    fmt::print("{} {} {:.1f} %", k == 0 ? "" : ",", split.dataset->class_names()[k],
               100.0 * static_cast<double>(report.things[k]) /
                   static_cast<double>(std::max<std::int64_t>(1, all)));
  }
  fmt::print("\n");
}

void print_split(const CheckedSplit& split, const Config& config) {
  const DataReport& report = split.report;
  fmt::print("{}: {}, {}\n", split.name, plural(report.samples, "image"), sizes_text(report));
  print_classes(split);
  print_things(split);
  if (!report.boxes.empty()) print(box_facts(report, config), config);
  fmt::print("  mean {:.4f}  std {:.4f}  (pixels 0..1, per channel)\n",
             fmt::join(report.measured.mean, " "), fmt::join(report.measured.std, " "));
  fmt::print("  {} unreadable, {} the same pixels as an earlier one\n", report.unreadable.size(),
             report.duplicates == 1 ? "1 has" : fmt::format("{} have", report.duplicates));
}

void print(const CheckedData& data, const Config& config) {
  for (const CheckedSplit& split : data.splits) print_split(split, config);
  for (const std::string& note : data.notes) fmt::print("note: {}\n", note);
  for (std::size_t i = 0; i < std::min(kMostProblems, data.problems.size()); ++i) {
    fmt::print("problem: {}\n", data.problems[i]);
  }
  if (data.problems.size() > kMostProblems) {
    fmt::print("... and {} more; --json gives all\n", data.problems.size() - kMostProblems);
  }
  if (data.problems.empty()) {
    fmt::print("no problems\n");
  } else {
    fmt::print("{}\n", plural(static_cast<std::int64_t>(data.problems.size()), "problem"));
  }
}

void write_skip_file(const CheckedData& data, const CheckOptions& options, Log& log) {
  std::vector<std::string> names = samples_to_skip(data, options.skip_near);
  std::transform(names.begin(), names.end(), names.begin(), skip_line);
  AtomicFile file(options.skip_file);
  file.write(fmt::format("{}{}", fmt::join(names, "\n"), names.empty() ? "" : "\n"));
  file.commit();
  log.info("{}: {} to leave out; data.skip: {} does so", options.skip_file,
           plural(static_cast<std::int64_t>(names.size()), "file"), options.skip_file);
}

/// Before the check, which ends at annotations that cannot be meant.
void write_fixed(const Config& config, const CheckOptions& options, Log& log) {
  const BoxFixes fixes = write_fixed_boxes(config.data, options.fixed_folder);
  std::vector<std::string> parts;
  const auto tell = [&](std::int64_t count, const char* what) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, what));
  };
  tell(fixes.empty, "without area left out");
  tell(fixes.outside, "outside of their images left out");
  tell(fixes.repeated, "there twice left out");
  tell(fixes.unreadable, "that cannot be read left out");
  tell(fixes.turned, "with swapped corners put right");
  tell(fixes.cut, "cut to their images");
  log.info("{}: {} with {}; {}", options.fixed_folder, plural(fixes.files, "file"),
           plural(fixes.boxes, "box", "boxes"),
           parts.empty() ? "nothing had to be changed" : fmt::format("{}", fmt::join(parts, ", ")));
}

int check(const CheckOptions& options) {
  Subject subject = subject_of(options);
  Config& config = subject.config;
  config.data.cache = Cache::kNone;  // the files themselves
  config.data.whole_images = true;
  config.data.on_error = OnError::kSkip;  // all that is wrong, not the first of it
  if (!options.skip_file.empty() && config.data.name != DatasetName::kImageFolder) {
    fail<ConfigError>("--write-skip: only samples of an image_folder can be left out");
  }
  Log log;
  if (!options.fixed_folder.empty()) write_fixed(config, options, log);
  CheckedData data = check_data(config, subject.only_training, log);
  if (!subject.read_as.empty()) data.notes.insert(data.notes.begin(), subject.read_as);
  if (options.json) {
    fmt::print("{}\n", json_text(to_json(data, config), 2));
  } else {
    print(data, config);
  }
  if (!options.skip_file.empty()) write_skip_file(data, options, log);
  return data.problems.empty() ? kExitOk : kExitProblems;
}

}  // namespace

Action add_data_check_command(Arguments& arguments) {
  auto options = std::make_shared<CheckOptions>();
  arguments
      .add_option(
          "path", options->path,
          "Configuration file (YAML) or run, or a folder or tar archive of images, of images "
          "and masks, or of images and boxes")
      .required();
  arguments.add_option("--set", options->overrides, "Override a key: --set data.root=DIR")
      .repeated();
  const Argument skip =
      arguments.add_option("--write-skip", options->skip_file,
                           "File for the paths to leave out, as data.skip takes them");
  arguments
      .add_flag("--near", options->skip_near,
                "With --write-skip: also of two images that look nearly the same the earlier")
      .needs(skip);
  arguments.add_option("--write-fixed", options->fixed_folder,
                       "Folder for a copy of the annotations of voc, coco or yolo without boxes "
                       "that are wrong, at the paths that they have below data.root");
  arguments.add_flag("--json", options->json, "Print one JSON object");
  return [options] { return check(*options); };
}

}  // namespace tessera
