#include "study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "tasks/make_task.h"
#include "tasks/metric.h"
#include "train/config/closest.h"
#include "train/config/keys.h"
#include "train/config/reader.h"
#include "train/config/schema.h"
#include "train/config/sources.h"

namespace tessera {
namespace {

const std::vector<std::pair<std::string, Match>> kMatches{{"none", Match::kNone},
                                                          {"macs", Match::kMacs},
                                                          {"params", Match::kParams},
                                                          {"tokens", Match::kTokens},
                                                          {"time", Match::kTime}};
const std::vector<std::string> kStudyKeys{"axes",     "seeds",  "baseline", "match", "metrics",
                                          "interval", "budget", "skip",     "test",  "quick"};

/// Lays overrides over the tree. The names of axes hold dots: `axes.model.patch_size=[2, 4]`
/// replaces the axis model.patch_size.
void apply_study_overrides(YamlNode& tree, std::span<const std::string> overrides,
                           Problems& problems) {
  constexpr std::string_view kAxes = "axes.";
  std::vector<std::string> plain;
  for (const std::string& assignment : overrides) {
    const std::size_t equals = assignment.find('=');
    YamlNode* axes = tree.find("axes") == nullptr ? nullptr : &tree.find("axes")->value;
    if (!assignment.starts_with(kAxes) || equals == std::string::npos || axes == nullptr) {
      plain.push_back(assignment);
      continue;
    }
    const Mark mark{"--set " + assignment.substr(0, equals)};
    const std::string name = assignment.substr(kAxes.size(), equals - kAxes.size());
    YamlNode value = parse_yaml(assignment.substr(equals + 1), mark.file, problems, false);
    value.mark = mark;
    if (YamlEntry* same = axes->find(name)) {
      same->value = std::move(value);
    } else {
      axes->entries.push_back({name, mark, std::move(value)});
    }
  }
  apply_overrides(tree, plain, problems);
}

/// Takes out of `tree` what neither a study nor a configuration has.
void drop_unknown(YamlNode& tree, const Schema& schema, Problems& problems) {
  std::vector<std::string> known = kStudyKeys;
  for (const Section& section : schema.sections) {
    if (section.path.find('.') == std::string::npos) known.push_back(section.path);
  }
  std::erase_if(tree.entries, [&](const YamlEntry& entry) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) return false;
    const auto guess = closest(entry.key, known);
    problems.add(entry.mark,
                 fmt::format("unknown key {}; {}", entry.key,
                             guess ? fmt::format("did you mean {}?", *guess)
                                   : fmt::format("known here: {}", fmt::join(known, ", "))));
    return true;
  });
}

void read_seeds(const YamlNode& node, Study& study, Problems& problems) {
  const Key key = integers_key("seeds", study.seeds, between(0, 4294967295.0), "");
  if (!key.read(node, problems)) return;
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < study.seeds.size(); ++i) {
    if (seen.insert(study.seeds[i]).second) continue;
    problems.add(node.items[i].mark, fmt::format("seeds: {} is given twice", study.seeds[i]));
  }
}

void read_metrics(const YamlNode& node, const Config& config, Study& study, Problems& problems) {
  study.metrics = {"val/" + main_metric(config), "val/loss"};
  if (node.is_null()) return;
  if (!node.is_list() || node.items.empty()) {
    problems.add(node.mark, fmt::format("metrics: expected a list such as [top1, loss], got {}",
                                        node.is_list() ? "an empty one" : describe(node)));
    return;
  }
  study.metrics.clear();
  Study asks;  // a name of the test split asks for it
  asks.test = true;
  const std::vector<std::string> known = reported_metrics(asks, config);
  for (const YamlNode& item : node.items) {
    std::string metric;
    if (!text_key("metrics", metric, "").read(item, problems)) continue;
    metric = current_metric_name(metric);
    if (std::find(known.begin(), known.end(), metric) == known.end()) {
      const auto guess = closest(metric, known);
      problems.add(item.mark, fmt::format("metrics: expected one of {}, or test/ or best/test/ for "
                                          "val/, got {}{}",
                                          fmt::join(reported_metrics(config), ", "), describe(item),
                                          guess ? fmt::format("; did you mean {}?", *guess) : ""));
      continue;
    }
    if (std::find(study.metrics.begin(), study.metrics.end(), metric) != study.metrics.end()) {
      problems.add(item.mark, fmt::format("metrics: {} is given twice", item.text));
    }
    study.metrics.push_back(metric);
  }
}

/// Naming a figure of the test split asks for it; asking for it without a name adds two columns.
void read_test(const YamlNode& node, const Config& config, Study& study, Problems& problems) {
  bool wanted = false;
  if (!node.is_null() && !flag_key("test", wanted, "").read(node, problems)) return;
  const auto named = std::ranges::find_if(study.metrics, is_test_metric);
  if (!node.is_null() && !wanted && named != study.metrics.end()) {
    problems.add(node.mark, fmt::format("test: false, but metrics has {}", *named));
    return;
  }
  study.test = wanted || named != study.metrics.end();
  if (!study.test || named != study.metrics.end()) return;
  for (const char* prefix : {kTestPrefix, kBestTestPrefix}) {
    study.metrics.push_back(prefix + main_metric(config));
  }
}

void read_skip(const YamlNode& node, Study& study, Problems& problems) {
  if (node.is_null()) return;
  if (!node.is_list()) {
    problems.add(node.mark, fmt::format("skip: expected a list of cells, each a map of axis and "
                                        "value, got {}",
                                        describe(node)));
    return;
  }
  for (const YamlNode& item : node.items) {
    study.skip.push_back(read_labels(item, study.axes, "skip", problems));
  }
}

/// A key that is an axis and set by the command line too would silently have no effect.
void check_overrides(const Study& study, Problems& problems) {
  for (const Axis& axis : study.axes) {
    const YamlNode* node = &study.config;
    for (std::size_t begin = 0; node != nullptr && begin < axis.name.size();) {
      const std::size_t end = std::min(axis.name.find('.', begin), axis.name.size());
      const YamlEntry* entry = node->find(std::string_view(axis.name).substr(begin, end - begin));
      node = entry == nullptr ? nullptr : &entry->value;
      begin = end + 1;
    }
    if (node != nullptr && node->mark.file.starts_with("--set ")) {
      problems.add(node->mark, fmt::format("is an axis of this study; its values are set by --set "
                                           "'axes.{}=[...]'",
                                           axis.name));
    }
  }
}

Study read_study(YamlNode tree, Problems& problems) {
  const auto take = [&](std::string_view key) {
    YamlNode node = take_entry(tree, key);
    if (node.mark.file.empty()) node.mark = tree.mark;
    return node;
  };
  Config scratch = unset_config();
  drop_unknown(tree, schema_of(scratch), problems);
  Study study;
  study.axes = read_axes(take("axes"), problems);
  read_seeds(take("seeds"), study, problems);
  const YamlNode metrics = take("metrics");
  const YamlNode test = take("test");
  if (const YamlNode node = take("interval"); !node.is_null()) {
    number_key("interval", study.interval, above(0), "").read(node, problems);
  }
  if (const YamlNode node = take("match"); !node.is_null()) {
    choice_key("match", study.match, kMatches, "").read(node, problems);
  }
  if (const YamlNode node = take("budget"); !node.is_null()) {
    number_key("budget", study.budget, above(0), "").read(node, problems);
  }
  study.baseline = read_labels(take("baseline"), study.axes, "baseline", problems);
  read_skip(take("skip"), study, problems);
  study.config = std::move(tree);
  read_tree(study.config, scratch, problems);
  read_metrics(metrics, scratch, study, problems);
  read_test(test, scratch, study, problems);
  check_overrides(study, problems);
  return study;
}

template <typename E>
std::string_view word_of(const std::vector<std::pair<std::string, E>>& words, E value) {
  const auto found = std::find_if(words.begin(), words.end(),
                                  [value](const auto& word) { return word.second == value; });
  return found->first;
}

}  // namespace

double wanted_half_width(const Study& study) {
  const bool share = named_metric(study.metrics.front(), 0.0).format == MetricFormat::kShare;
  return share ? 0.01 * study.interval : study.interval;
}

bool is_test_metric(std::string_view metric) {
  return metric.starts_with(kTestPrefix) || metric.starts_with(kBestTestPrefix);
}

std::vector<std::string> reported_metrics(const Study& study, const Config& config) {
  std::vector<std::string> names = reported_metrics(config);
  if (!study.test) return names;
  for (const char* prefix : {kTestPrefix, kBestTestPrefix}) {
    for (const std::string& name : evaluation_metrics(config.task, config.model)) {
      names.push_back(prefix + name);
    }
  }
  return names;
}

std::string_view to_string(Match match) { return word_of(kMatches, match); }

Study parse_study(const std::string& text, const std::filesystem::path& path,
                  std::span<const std::string> overrides, bool quick) {
  Problems problems;
  YamlNode tree = parse_tree(text, path.string(), problems);
  const YamlNode settings = take_entry(tree, "quick");
  if (!settings.is_map() && (quick || !settings.is_null())) {
    problems.add(settings.is_null() ? tree.mark : settings.mark,
                 fmt::format("quick: expected a map of settings, got {}", describe(settings)));
  }
  YamlNode expanded = expand_settings(settings, problems);
  if (quick) merge(tree, std::move(expanded));
  apply_study_overrides(tree, overrides, problems);
  Study study = read_study(std::move(tree), problems);
  problems.throw_if_any();
  study.name = path.stem().string() + (quick ? "-quick" : "");
  return study;
}

Study load_study(const std::filesystem::path& path, std::span<const std::string> overrides,
                 bool quick) {
  return parse_study(read_config_file(path), path, overrides, quick);
}

}  // namespace tessera
