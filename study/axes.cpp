#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "study/study.h"
#include "train/config/closest.h"
#include "train/config/reader.h"
#include "train/config/schema.h"
#include "train/config/sources.h"

namespace tessera {
namespace {

/// A value as it stands in a file, on one line.
std::string to_text(const YamlNode& node) {
  std::vector<std::string> parts;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return node.text;
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items) parts.push_back(to_text(item));
      return fmt::format("[{}]", fmt::join(parts, ", "));
    case YamlNode::Kind::kMap:
      for (const YamlEntry& entry : node.entries) {
        parts.push_back(fmt::format("{}: {}", entry.key, to_text(entry.value)));
      }
      return fmt::format("{{{}}}", fmt::join(parts, ", "));
  }
  return "";
}

bool has_label(const Axis& axis, const std::string& label) {
  return std::any_of(axis.values.begin(), axis.values.end(),
                     [&](const AxisValue& value) { return value.label == label; });
}

class AxisReader {
 public:
  explicit AxisReader(Problems& problems)
      : config_(unset_config()), schema_(schema_of(config_)), problems_(problems) {}

  Axis read(const YamlEntry& entry) {
    Axis axis{.name = entry.key, .values = {}};
    const YamlNode& value = entry.value;
    if (value.items.empty() && value.entries.empty()) {
      const std::string got = value.is_list() || value.is_map() ? "none" : describe(value);
      problems_.add(value.mark, fmt::format("axes: {}: expected a list of values or a map of "
                                            "bundles, got {}",
                                            entry.key, got));
    } else if (value.is_list()) {
      read_values(entry, axis);
    } else {
      read_bundles(value, axis);
    }
    return axis;
  }

 private:
  void read_values(const YamlEntry& entry, Axis& axis) {
    const Key* key = schema_.find_key(entry.key);
    if (key == nullptr) return report_unknown(entry);
    if (entry.key == "train.seed" || entry.key == "train.out") {
      problems_.add(entry.mark, entry.key == "train.seed"
                                    ? "axes: train.seed is varied by seeds"
                                    : "axes: train.out changes nothing in a run");
      return;
    }
    for (const YamlNode& item : entry.value.items) {
      if (!key->read(item, problems_)) continue;
      const std::string label = to_text(item);
      if (has_label(axis, label)) {
        problems_.add(item.mark, fmt::format("axes: {}: {} is given twice", axis.name, label));
      }
      axis.values.push_back({label, nested(entry.key, item.mark, item)});
    }
  }

  void read_bundles(const YamlNode& map, Axis& axis) {
    for (const YamlEntry& bundle : map.entries) {
      if (!bundle.value.is_map() && !bundle.value.is_null()) {
        problems_.add(bundle.value.mark,
                      fmt::format("axes: {}: {}: expected a map of settings, "
                                  "got {}",
                                  axis.name, bundle.key, describe(bundle.value)));
        continue;
      }
      YamlNode settings = expand_settings(bundle.value, problems_);
      read_tree(settings, config_, problems_);
      axis.values.push_back({bundle.key, std::move(settings)});
    }
  }

  void report_unknown(const YamlEntry& entry) {
    if (schema_.find_section(entry.key) != nullptr) {
      problems_.add(entry.mark, fmt::format("axes: {} is a section and not a key; give bundles of "
                                            "settings, {}: {{NAME: {{...}}}}, or one of its keys",
                                            entry.key, entry.key));
      return;
    }
    std::vector<std::string> names;
    for (const Key& key : schema_.keys) names.push_back(key.path);
    const auto guess = closest(entry.key, names);
    problems_.add(entry.mark,
                  guess ? fmt::format("axes: unknown key {}; did you mean {}?", entry.key, *guess)
                        : fmt::format("axes: unknown key {}; a list varies a key of "
                                      "configurations (tessera config lists them), a map holds "
                                      "bundles of settings",
                                      entry.key));
  }

  Config config_;  // what keys are bound to; its values mean nothing
  Schema schema_;
  Problems& problems_;
};

}  // namespace

YamlNode expand_settings(const YamlNode& map, Problems& problems) {
  YamlNode settings;
  settings.kind = YamlNode::Kind::kMap;
  settings.mark = map.mark;
  for (const YamlEntry& entry : map.entries) {
    if (is_key_path(entry.key)) {
      merge(settings, nested(entry.key, entry.mark, entry.value));
    } else {
      problems.add(entry.mark, fmt::format("{}: expected a key as after --set, as in "
                                           "model.patch_size",
                                           entry.key));
    }
  }
  return settings;
}

std::vector<Axis> read_axes(const YamlNode& node, Problems& problems) {
  if (!node.is_map() || node.entries.empty()) {
    problems.add(node.mark, fmt::format("axes: expected a map of what varies, as in axes: "
                                        "{{model.patch_size: [2, 4]}}, got {}",
                                        node.is_map() ? "an empty one" : describe(node)));
    return {};
  }
  std::vector<Axis> axes;
  AxisReader reader(problems);
  for (const YamlEntry& entry : node.entries) axes.push_back(reader.read(entry));
  return axes;
}

Labels read_labels(const YamlNode& node, const std::vector<Axis>& axes, const std::string& what,
                   Problems& problems) {
  Labels labels;
  if (node.is_null()) return labels;
  if (!node.is_map()) {
    problems.add(node.mark,
                 fmt::format("{}: expected a map of axis and value, got {}", what, describe(node)));
    return labels;
  }
  for (const YamlEntry& entry : node.entries) {
    const auto axis = std::find_if(axes.begin(), axes.end(),
                                   [&](const Axis& known) { return known.name == entry.key; });
    if (axis == axes.end()) {
      std::vector<std::string> names;
      for (const Axis& known : axes) names.push_back(known.name);
      const auto guess = closest(entry.key, names);
      problems.add(entry.mark,
                   fmt::format("{}: unknown axis {}; {} {}", what, entry.key,
                               guess ? "did you mean" : "known:",
                               guess ? *guess + "?" : fmt::format("{}", fmt::join(names, ", "))));
      continue;
    }
    const std::string label = to_text(entry.value);
    if (!has_label(*axis, label)) {
      std::vector<std::string> known;
      for (const AxisValue& value : axis->values) known.push_back(value.label);
      problems.add(entry.value.mark, fmt::format("{}: {} has no value {}; known: {}", what,
                                                 entry.key, label, fmt::join(known, ", ")));
      continue;
    }
    labels[entry.key] = label;
  }
  return labels;
}

}  // namespace tessera
