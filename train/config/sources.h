// Where a configuration comes from: a file, the files it is based on, and the command line.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "files/yaml_tree.h"

namespace tessera {

/// Lays `above` over `below`: maps merge, everything else is replaced. A map given as nothing
/// changes nothing.
void merge(YamlNode& below, YamlNode above);

/// The map in `text`, laid over the files of its `base:` chain (paths are relative to the file that
/// names them, for `text` to the folder of `name`), without the `base` keys. Throws ConfigError for
/// a base that is missing or names itself again, and as parse_yaml does.
YamlNode parse_tree(const std::string& text, const std::string& name, Problems& problems);

/// The same of a file.
YamlNode load_tree(const std::filesystem::path& path, Problems& problems);

/// Removes and returns an entry of a map; a null node if there is none.
YamlNode take_entry(YamlNode& map, std::string_view key);

/// Words with single dots between them: `model.patch_size`.
bool is_key_path(std::string_view path);

/// `value` under the words of the key path `path`: a map that holds a map that holds it, all
/// of them at `mark`.
YamlNode nested(const std::string& path, const Mark& mark, YamlNode value);

/// Lays `key.path=value` over the tree; values are YAML. Marks become `--set key.path`.
void apply_overrides(YamlNode& tree, std::span<const std::string> overrides, Problems& problems);

}  // namespace tessera
