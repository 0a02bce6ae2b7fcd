// Studies of seconds, and what they leave.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/program/program.h"
#include "tests/program/run_folder.h"

namespace tessera::test {

namespace fs = std::filesystem;

inline constexpr const char* kTinyStudy = R"(
axes: {model.patch_size: [4, 8], width: {narrow: , wide: {model.embed_dim: 24}}}
seeds: [0, 1]
baseline: {width: narrow}
metrics: [top1, loss, train_loss]
)";

inline std::string study_in(const ScratchFolder& folder, const std::string& text = kTinyStudy) {
  write_text(folder / "tiny.yaml", kTinyConfig);
  write_text(folder / "study.yaml", "base: tiny.yaml\n" + text);
  return (folder / "study.yaml").string();
}

inline Outcome ablate(const std::string& study, const fs::path& out,
                      const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"ablate", study, "--out", out, "--no-measure"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return tessera(arguments);
}

inline nlohmann::ordered_json results_of(const fs::path& folder) {
  return nlohmann::ordered_json::parse(read_text(folder / "results.json"));
}

/// All that two equal studies must have in common, as one text.
inline std::string findings_of(const fs::path& folder) {
  nlohmann::ordered_json json = results_of(folder);
  std::string text = read_text(folder / "results.csv");
  for (auto& cell : json["cells"]) {
    cell.erase("timing");
    for (auto& run : cell["runs"]) {
      run.erase("timing");
      const fs::path path = folder / run["folder"].get<std::string>();
      text += read_text(path / "metrics.jsonl");
      text += read_text(checkpoint_of(path, CheckpointChoice::kLast) / "model.safetensors");
    }
  }
  const std::string page = read_text(folder / "results.md");
  return text + json.dump() + page.substr(0, page.find("## Costs"));
}

/// The log of every run that is done; training it again would make it longer.
inline std::map<std::string, std::string> logs_of(const fs::path& folder) {
  std::map<std::string, std::string> logs;
  if (!fs::exists(folder / "results.json")) return logs;
  const nlohmann::ordered_json results = results_of(folder);
  for (const auto& cell : results["cells"]) {
    for (const auto& run : cell["runs"]) {
      if (run["status"] != "done") continue;
      const std::string path = run["folder"];
      logs[path] = read_text(folder / path / "train.log");
    }
  }
  return logs;
}

inline void check_kept(const std::map<std::string, std::string>& logs, const fs::path& folder) {
  for (const auto& [run, log] : logs) {
    CAPTURE(run);
    CHECK(read_text(folder / run / "train.log") == log);
  }
}

inline std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace tessera::test
