// The program's own tree of a YAML file: every key and value knows its file, line and column.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "files/problems.h"

namespace tessera {

struct YamlEntry;

/// A value of a YAML file: nothing, a scalar, a list or a map.
struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  Mark mark;
  std::string text;                ///< of a scalar
  bool quoted = false;             ///< a scalar in quotes is text, whatever it looks like
  std::vector<YamlNode> items;     ///< of a list
  std::vector<YamlEntry> entries;  ///< of a map, in the order of the file; keys are unique

  bool is_map() const { return kind == Kind::kMap; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }

  /// True for the scalar `word` without quotes.
  bool is_plain(std::string_view word) const { return is_scalar() && !quoted && text == word; }

  /// The entry of a map, or null.
  const YamlEntry* find(std::string_view key) const;
  YamlEntry* find(std::string_view key);
};

struct YamlEntry {
  std::string key;
  Mark mark;  ///< of the key
  YamlNode value;
};

/// `a map`, `a list`, `nothing` or the text in quotes: how messages speak of a value.
std::string describe(const YamlNode& node);

/// Parses one YAML document. Duplicate keys go to `problems`. Throws ConfigError for what leaves no
/// tree: bad syntax, several documents, anchors, aliases, tags, more than 32 levels, 2000
/// keys in a map, 100,000 items in a list or 16 MB, control characters.
///
/// `name` stands for the file in all marks. Without `has_lines`, as for a command line option, it
/// is the whole mark.
YamlNode parse_yaml(const std::string& text, const std::string& name, Problems& problems,
                    bool has_lines = true);

/// The text of a configuration file. Throws ConfigError if it is missing, a directory, too large or
/// not readable.
std::string read_config_file(const std::filesystem::path& path);

}  // namespace tessera
