// How fast cells are on this machine.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "train/study/cell_plan.h"

namespace tessera {

/// Speeds measured by a few steps on made-up images, in a process of their own; once a model, batch
/// size and precision.
class Speeds {
 public:
  /// `file` holds what was measured before and takes what is measured now; empty: nothing is kept.
  explicit Speeds(std::filesystem::path file);

  /// Nothing if the steps fail: `error` then says why.
  std::optional<CellSpeed> measure(const Config& config, std::string& error);

 private:
  void save() const;

  std::filesystem::path file_;
  std::map<std::string, CellSpeed> known_;
};

}  // namespace tessera
