// Runs of a few updates, and what their folders hold.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/program/program.h"
#include "train/checkpoint_index.h"

namespace tessera::test {

/// Three epochs of four updates.
inline constexpr const char* kShortConfig = R"(
model: {patch_size: 8, embed_dim: 8, depths: [1, 1], num_heads: [1, 2], window_size: 2}
data: {name: synthetic, batch_size: 16, train_samples: 64, test_samples: 32}
optim: {lr: 1.0e-3, ema: 0.9}
train: {epochs: 3, seed: 3, threads: 1, checkpoint_every: 3, tensorboard: false}
)";

/// The folder of the last or the best checkpoint.
inline std::filesystem::path checkpoint_of(const std::filesystem::path& run,
                                           CheckpointChoice choice) {
  const std::filesystem::path folder = run / "checkpoints";
  return folder / read_index(folder).value().at(choice);
}

/// The text of every file below a folder, by its path.
inline std::map<std::string, std::string> files_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files[entry.path().lexically_relative(folder).string()] = read_text(entry.path());
    }
  }
  return files;
}

/// All that equal runs must have in common, as one text.
inline std::string result_of(const std::filesystem::path& run) {
  std::string text = read_text(run / "metrics.jsonl");
  for (const auto choice : {CheckpointChoice::kLast, CheckpointChoice::kBest}) {
    for (const char* name : {"model.safetensors", "state.safetensors", "meta.json"}) {
      text += read_text(checkpoint_of(run, choice) / name);
    }
  }
  return text;
}

/// The objects of a file with one a line.
inline std::vector<nlohmann::json> lines_of(const std::filesystem::path& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(read_text(path));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

/// A configuration and runs of it, in a folder that is gone when the test is over.
class Runs {
 public:
  explicit Runs(const std::string& config = kShortConfig) {
    write_text(folder_ / "short.yaml", config);
  }

  const ScratchFolder& folder() const { return folder_; }
  std::string config() const { return folder_ / "short.yaml"; }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  /// `train CONFIG --out NAME` with `--set` for each setting.
  Outcome train(const std::string& name, const std::vector<std::string>& settings = {}) const {
    return tessera(with({"train", config(), "--out", folder_ / name}, settings));
  }

  Outcome resume(const std::string& name, const std::vector<std::string>& settings = {},
                 const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = with({"train", "--resume", folder_ / name}, settings);
    arguments.insert(arguments.end(), options.begin(), options.end());
    return tessera(arguments);
  }

 private:
  static std::vector<std::string> with(std::vector<std::string> arguments,
                                       const std::vector<std::string>& settings) {
    for (const std::string& setting : settings) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    return arguments;
  }

  ScratchFolder folder_;
};

}  // namespace tessera::test
