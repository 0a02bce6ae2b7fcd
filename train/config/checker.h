// What checks of values in combination share.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "data/files/problems.h"
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

}  // namespace tessera
