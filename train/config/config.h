// Configuration files: the strict reader, the writer and the reference of all keys.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "files/yaml_tree.h"
#include "train/train_config.h"

namespace tessera {

/// Reads a file with its `base:` chain and lays `key.path=value` overrides over it; `auto` is
/// resolved; names of classes may have to be listed for that. Every section may be missing. Throws
/// one ConfigError with everything that is wrong, a line a problem, sorted by place:
/// `cifar10.yaml:3:12: unknown key model.path_size; did you mean patch_size?`
Config load_config(const std::filesystem::path& path, std::span<const std::string> overrides = {});

/// The same of a text. `name` stands for the file in messages.
Config parse_config(const std::string& text, const std::string& name = "config",
                    std::span<const std::string> overrides = {});

/// What a tree means; `auto` is resolved. All that is wrong goes to `problems`, and the result has
/// no meaning then.
Config read_config(const YamlNode& tree, Problems& problems);

/// All keys with their values. Reading it gives the same Config, bit for bit.
std::string to_yaml(const Config& config);

/// Throws ConfigError, naming the key, if to_yaml(config) could not be read again, as every
/// checkpoint has to be: a path or a name that is not UTF-8, more than parse_yaml takes.
void check_storable(const Config& config);

/// A Markdown table of all keys: what they accept, what they are if not given, what they mean.
std::string config_reference();

}  // namespace tessera
