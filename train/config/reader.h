// From the tree of a configuration into the structs, with everything that does not fit reported.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "files/yaml_tree.h"
#include "train/train_config.h"

namespace tessera {

/// What reading leaves behind for later checks: where values stand, and which are missing because
/// they could not be read.
class ReadState {
 public:
  explicit ReadState(std::string file) : file_(std::move(file)) {}

  /// Records the places of `node` and all below it: `model.depths`, `model.depths[1]`.
  void record(const std::string& path, const YamlNode& node);

  /// Values at and below `path` could not be read; checks that need them are left out.
  void mark_unreadable(std::string path) { unreadable_.insert(std::move(path)); }

  bool readable(std::string_view path) const;

  /// Whether the configuration has the key or section.
  bool given(const std::string& path) const { return marks_.count(path) > 0; }

  /// Where the first of `paths` that was given stands; else the section of the first; else the
  /// file.
  Mark mark_of(const std::vector<std::string>& paths) const;

 private:
  std::string file_;
  std::map<std::string, Mark> marks_;
  std::set<std::string> unreadable_;
};

/// Sets what `tree` gives and leaves the rest of `config`. Unknown keys, wrong types and values out
/// of range go to `problems`.
ReadState read_tree(const YamlNode& tree, Config& config, Problems& problems);

}  // namespace tessera
