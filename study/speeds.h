// How fast cells are on this machine.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "study/cell_plan.h"

namespace tessera {

/// Speeds measured by a few steps on made-up images, in a process of their own; once a model, batch
/// size and precision.
class Speeds {
 public:
  /// `file` holds what was measured before and takes what is measured now; empty: nothing is kept.
  explicit Speeds(std::filesystem::path file);

  /// What was measured before.
  std::optional<CellSpeed> known(const Config& config) const;

  /// What is known, else measured now. Nothing if the steps fail: `error` then says why.
  std::optional<CellSpeed> measure(const Config& config, std::string& error);

  /// Measures all of `configs` anew, in turn and three times over. The fastest time of each counts:
  /// other work on the machine only slows. What was known stays where the steps fail. `on_measure`
  /// is called with the number of the round and of the configuration before each.
  void measure_again(std::span<const Config> configs,
                     const std::function<void(int, std::size_t)>& on_measure);

  static constexpr int kRounds = 3;  ///< of measure_again

 private:
  void save() const;

  std::filesystem::path file_;
  std::map<std::string, CellSpeed> known_;
};

}  // namespace tessera
