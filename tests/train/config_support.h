// What tests of configurations share: the lines of an error.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "train/config/config.h"

namespace tessera::test {

/// The lines joined as ConfigError joins them.
inline std::string lines(const std::vector<std::string>& list) {
  return fmt::format("{}", fmt::join(list, "\n"));
}

/// The text of the ConfigError that reading `text` as `c.yaml` throws; empty if it throws none.
inline std::string errors_of(const std::string& text,
                             const std::vector<std::string>& overrides = {}) {
  return error_of<ConfigError>([&] { parse_config(text, "c.yaml", overrides); });
}

inline std::string errors_of_file(const std::filesystem::path& path) {
  return error_of<ConfigError>([&] { load_config(path); });
}

}  // namespace tessera::test
