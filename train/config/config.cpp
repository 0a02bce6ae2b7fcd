#include "train/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/text.h"
#include "train/config/checks.h"
#include "train/config/reader.h"
#include "train/config/schema.h"
#include "train/config/sources.h"

namespace tessera {
namespace {

Config read_with_overrides(YamlNode tree, std::span<const std::string> overrides,
                           Problems& problems) {
  apply_overrides(tree, overrides, problems);
  const Config config = read_config(tree, problems);
  problems.throw_if_any();
  return config;
}

/// Calls `begin_section(section)` and `key(key)` in the order of the schema, keys of a section
/// right after it and in front of its inner sections.
template <typename OnSection, typename OnKey>
void walk(const Schema& schema, const OnSection& on_section, const OnKey& on_key) {
  for (const Section& section : schema.sections) {
    on_section(section);
    const std::string prefix = section.path + ".";
    for (const Key& key : schema.keys) {
      const bool inside =
          key.path.starts_with(prefix) && key.path.find('.', prefix.size()) == std::string::npos;
      if (inside) on_key(key, key.path.substr(prefix.size()));
    }
  }
}

std::string indent_of(const Section& section) {
  return std::string(2 * static_cast<std::size_t>(std::ranges::count(section.path, '.')), ' ');
}

bool is_off(const Section& section) { return section.on != nullptr && !*section.on; }

const char* type_of(const Section& section) {
  if (section.or_auto) return "a map or auto";
  return section.on != nullptr ? "a map or none" : "a map";
}

}  // namespace

Config read_config(const YamlNode& tree, Problems& problems) {
  Config config = unset_config();
  const ReadState state = read_tree(tree, config, problems);
  resolve_auto(config, state, problems);
  check_config(config, state, problems);
  return config;
}

Config load_config(const std::filesystem::path& path, std::span<const std::string> overrides) {
  Problems problems;
  return read_with_overrides(load_tree(path, problems), overrides, problems);
}

Config parse_config(const std::string& text, const std::string& name,
                    std::span<const std::string> overrides) {
  Problems problems;
  return read_with_overrides(parse_tree(text, name, problems), overrides, problems);
}

std::string to_yaml(const Config& config) {
  Config copy = config;
  std::string yaml;
  std::string indent;
  bool off = false;
  walk(
      schema_of(copy),
      [&](const Section& section) {
        indent = indent_of(section);
        off = is_off(section);
        yaml += fmt::format("{}{}:{}\n", indent, section.path.substr(section.path.rfind('.') + 1),
                            off ? " none" : "");
      },
      [&](const Key& key, const std::string& name) {
        if (!off) yaml += fmt::format("{}  {}: {}\n", indent, name, key.write());
      });
  return yaml;
}

void check_storable(const Config& config) {
  Config copy = config;
  for (const Key& key : schema_of(copy).keys) {
    const std::string value = key.write();
    if (is_utf8(value)) continue;
    constexpr std::size_t kShown = 100;
    fail<ConfigError>(
        "{}: {} is not UTF-8, so no checkpoint can hold it; rename it, or give it "
        "another name by a link",
        key.path, to_utf8(value.substr(0, kShown)));
  }
  const std::string text = to_yaml(config);
  if (to_yaml(parse_config(text, "the configuration as checkpoints hold it")) != text) {
    fail<ConfigError>("the configuration does not read back as checkpoints would hold it");
  }
}

std::string config_reference() {
  Config unset = unset_config();
  std::string text = "| key | accepts | if not given | meaning |\n|---|---|---|---|\n";
  walk(
      schema_of(unset),
      [&](const Section& section) {
        fmt::format_to(std::back_inserter(text), "| **{}** | {} | | {} |\n", section.path,
                       type_of(section), section.help);
      },
      [&](const Key& key, const std::string&) {
        fmt::format_to(std::back_inserter(text), "| `{}` | {}{}{} | `{}` | {} |\n", key.path,
                       key.type, key.range.empty() ? "" : ", ", key.range, key.write(), key.help);
      });
  return text;
}

}  // namespace tessera
