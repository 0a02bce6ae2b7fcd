#include "train/config/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

YamlNode with_bases(const std::string& text, const std::string& name, std::vector<fs::path>& chain,
                    Problems& problems);

/// The tree of the file that `base` names in `file`. `chain`: the files that led here.
YamlNode load_base(const YamlNode& base, const std::string& file, std::vector<fs::path>& chain,
                   Problems& problems) {
  if (!base.is_scalar()) {
    fail<ConfigError>("{}: base: expected a file name, got {}", to_string(base.mark),
                      describe(base));
  }
  const fs::path path = (fs::path(file).parent_path() / base.text).lexically_normal();
  if (std::find(chain.begin(), chain.end(), fs::weakly_canonical(path)) != chain.end()) {
    fail<ConfigError>("{}: base: {} leads back to itself", to_string(base.mark), path.string());
  }
  std::string text;
  try {
    text = read_config_file(path);
  } catch (const ConfigError& error) {
    fail<ConfigError>("{}: base: {}", to_string(base.mark), error.what());
  }
  return with_bases(text, path.string(), chain, problems);
}

YamlNode with_bases(const std::string& text, const std::string& name, std::vector<fs::path>& chain,
                    Problems& problems) {
  YamlNode tree = parse_yaml(text, name, problems);
  if (tree.is_null()) fail<ConfigError>("{}: the configuration is empty", name);
  if (!tree.is_map()) {
    fail<ConfigError>("{}: expected the sections model, data, optim and train, got {}",
                      to_string(tree.mark), describe(tree));
  }
  if (tree.find("base") == nullptr) return tree;
  Mark mark = tree.mark;
  const YamlNode base = take_entry(tree, "base");
  chain.push_back(fs::weakly_canonical(name));
  YamlNode merged = load_base(base, name, chain, problems);
  merge(merged, std::move(tree));
  merged.mark = std::move(mark);
  return merged;
}

}  // namespace

void merge(YamlNode& below, YamlNode above) {
  if (below.is_map() && above.is_null()) return;
  if (!below.is_map() || !above.is_map()) {
    below = std::move(above);
    return;
  }
  for (YamlEntry& entry : above.entries) {
    if (YamlEntry* same = below.find(entry.key)) {
      same->mark = std::move(entry.mark);
      merge(same->value, std::move(entry.value));
    } else {
      below.entries.push_back(std::move(entry));
    }
  }
}

YamlNode parse_tree(const std::string& text, const std::string& name, Problems& problems) {
  std::vector<fs::path> chain;
  return with_bases(text, name, chain, problems);
}

YamlNode load_tree(const fs::path& path, Problems& problems) {
  return parse_tree(read_config_file(path), path.string(), problems);
}

YamlNode take_entry(YamlNode& map, std::string_view key) {
  YamlEntry* entry = map.find(key);
  if (entry == nullptr) return {};
  YamlNode value = std::move(entry->value);
  map.entries.erase(map.entries.begin() + (entry - map.entries.data()));
  return value;
}

bool is_key_path(std::string_view path) {
  return !path.empty() && path.front() != '.' && path.back() != '.' &&
         path.find("..") == std::string_view::npos;
}

YamlNode nested(const std::string& path, const Mark& mark, YamlNode value) {
  for (std::size_t end = path.size(); true;) {
    const std::size_t dot = path.rfind('.', end - 1);
    const std::size_t begin = dot == std::string::npos ? 0 : dot + 1;
    YamlNode map;
    map.kind = YamlNode::Kind::kMap;
    map.mark = mark;
    map.entries.push_back({path.substr(begin, end - begin), mark, std::move(value)});
    value = std::move(map);
    if (begin == 0) return value;
    end = dot;
  }
}

void apply_overrides(YamlNode& tree, std::span<const std::string> overrides, Problems& problems) {
  for (const std::string& assignment : overrides) {
    const std::size_t equals = assignment.find('=');
    const std::string path = assignment.substr(0, equals);
    const Mark mark{fmt::format("--set {}", path)};
    if (equals == std::string::npos || !is_key_path(path)) {
      problems.add(mark, "expected KEY=VALUE, as in --set model.patch_size=4");
      continue;
    }
    if (path == "base") {
      problems.add(mark, "base: can only be set in a file");
      continue;
    }
    YamlNode value = parse_yaml(assignment.substr(equals + 1), mark.file, problems, false);
    value.mark = mark;
    Mark root = tree.mark;
    merge(tree, nested(path, mark, std::move(value)));
    tree.mark = std::move(root);
  }
}

}  // namespace tessera
