#include "data/sets/yolo_yaml.h"

#include <charconv>
#include <cstddef>

#include "core/error.h"
#include "core/text.h"
#include "files/yaml_tree.h"

namespace tessera {
namespace {

[[noreturn]] void fail_at(const Mark& mark, std::string_view message) {
  fail<DataError>("[yolo] {}: {}", to_string(mark), message);
}

std::string text_of(const YamlNode& node, std::string_view key) {
  if (!node.is_scalar()) {
    fail_at(node.mark, fmt::format("{}: expected a text, got {}", key, describe(node)));
  }
  return node.text;
}

/// One path or a list of them; nothing counts as none.
std::vector<std::string> paths_at(const YamlNode& root, const char* key) {
  const YamlEntry* entry = root.find(key);
  if (entry == nullptr || entry->value.is_null()) return {};
  if (!entry->value.is_list()) return {text_of(entry->value, key)};
  std::vector<std::string> paths;
  for (const YamlNode& item : entry->value.items) paths.push_back(text_of(item, key));
  return paths;
}

std::vector<std::string> names_in(const YamlNode& root, const std::string& file) {
  const YamlEntry* entry = root.find("names");
  if (entry == nullptr) fail<DataError>("[yolo] {}: has no names of classes", file);
  std::vector<std::string> names;
  for (const YamlNode& item : entry->value.items) names.push_back(text_of(item, "names"));
  names.resize(names.size() + entry->value.entries.size());
  for (const YamlEntry& item : entry->value.entries) {
    std::size_t number = names.size();
    const char* const end = item.key.data() + item.key.size();
    const auto [stop, error] = std::from_chars(item.key.data(), end, number);
    if (error != std::errc{} || stop != end || number >= names.size()) {
      fail_at(item.mark,
              fmt::format("names: {} is none of 0 to {}", quoted(item.key), names.size() - 1));
    }
    names[number] = text_of(item.value, "names");
  }
  if (names.empty()) fail_at(entry->mark, "names: a list of classes, or a map from 0 on");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) fail_at(entry->mark, fmt::format("names: class {} has no name", i));
  }
  return names;
}

}  // namespace

YoloYaml parse_yolo_yaml(std::span<const std::uint8_t> bytes, const std::string& name) {
  const std::string text(bytes.begin(), bytes.end());
  Problems problems;
  try {
    const YamlNode root = parse_yaml(text, name, problems);
    problems.throw_if_any();
    if (!root.is_map()) fail<DataError>("[yolo] {}: expected a map of keys", name);
    YoloYaml yaml;
    if (const YamlEntry* entry = root.find("path"); entry != nullptr && !entry->value.is_null()) {
      yaml.path = text_of(entry->value, "path");
    }
    yaml.train = paths_at(root, "train");
    yaml.val = paths_at(root, "val");
    if (yaml.val.empty()) yaml.val = paths_at(root, "valid");
    yaml.test = paths_at(root, "test");
    yaml.names = names_in(root, name);
    return yaml;
  } catch (const ConfigError& error) {
    fail<DataError>("[yolo] {}", error.what());
  }
}

}  // namespace tessera
