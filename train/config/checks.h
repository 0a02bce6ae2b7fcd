// What no single key can show: values that do not fit each other or the data set.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "files/problems.h"
#include "train/config/reader.h"
#include "train/train_config.h"

namespace tessera {

/// Adds problems of values in combination.
struct Checker {
  const Config& config;
  const ReadState& state;
  Problems& problems;

  bool readable(std::initializer_list<std::string> paths) const {
    return std::all_of(paths.begin(), paths.end(),
                       [this](const std::string& path) { return state.readable(path); });
  }

  template <typename... Args>
  void report(const std::vector<std::string>& paths, fmt::format_string<Args...> format,
              Args&&... args) const {
    problems.add(state.mark_of(paths), fmt::format(format, std::forward<Args>(args)...));
  }
};

/// Adds what does not fit in `data:`, and between it and `model:`.
void check_data_config(const Checker& check);

/// Puts values in the place of `auto` in `config.model`: numbers of the data set, or without one
/// the initialisers of ModelConfig; the position of the model's paper.
/// Classes of a folder are those of its training images; what hinders reading them is a problem if
/// the model depends on them.
void resolve_auto(Config& config, const ReadState& state, Problems& problems);

/// Adds what cannot work together to `problems`, at the places of the keys involved. `config` is
/// resolved. Keys that could not be read are left out of the checks.
void check_config(const Config& config, const ReadState& state, Problems& problems);

}  // namespace tessera
