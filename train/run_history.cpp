#include "train/run_history.h"

#include <fmt/ranges.h>

#include <array>
#include <ctime>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/kernels/cpu.h"
#include "core/onednn/library.h"
#include "core/parallel.h"
#include "data/images/decoders.h"
#include "formats/json.h"
#include "train/build_info.h"
#include "train/config/config.h"
#include "train/config/schema.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
std::string program_checksum() {
  try {
    return checksum_text(std::string_view(read_text_file("/proc/self/exe")));
  } catch (const CheckpointError&) {
    return "unknown";
  }
}

/// The words of the command line.
std::vector<std::string> command_line() {
  std::vector<std::string> words;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

std::string date_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// An object in a file, or null.
Json read_object(const fs::path& path) {
  Json json = Json::parse(read_if_there(path).value_or(""), nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json(nullptr);
}

/// What both know and tell differently: `threads 2 -> 1`.
std::vector<std::string> changed_environment(const Json& before, const Json& now) {
  std::vector<std::string> changed;
  if (!before.is_object()) return changed;
  for (const auto& [name, value] : now.items()) {
    const auto old = before.find(name);
    if (old == before.end() || *old == value) continue;
    changed.push_back(fmt::format("{} {} -> {}", name, value_text(*old), value_text(value)));
  }
  return changed;
}

/// What config.yaml says; nothing for a run that is new, or whose file this program cannot read.
std::optional<Config> described_config(const RunFolder& folder) {
  if (!is_there(folder.config())) return std::nullopt;
  try {
    return load_config(folder.config());
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

void append_line(const fs::path& path, const Json& json) {
  AppendFile file(path);
  // A line that a crash tore stays what it is.
  const std::string before = read_if_there(path).value_or("");
  if (!before.empty() && before.back() != '\n') file.append("\n");
  file.append(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  file.sync();
}

}  // namespace

Json run_environment(std::uint64_t data_hash, int ranks) {
  return {
      {"tessera", TESSERA_VERSION},
      {"commit", program_commit()},
      {"program", program_checksum()},
      {"compiler", fmt::format("g++ {}", __VERSION__)},
      {"onednn", onednn::version()},
      {"cpu", cpu_name()},
      {"host", host_name()},
      {"native_bf16", has_native_bf16()},
      {"threads", num_threads()},
      {"ranks", ranks},
      {"data_hash", fmt::format("{:016x}", data_hash)},
  };
}

std::vector<std::string> changed_keys(const Config& before, const Config& now) {
  Config old = before;
  Config current = now;
  const Schema schema = schema_of(current);
  std::vector<std::string> changed;
  for (const Key& key : schema_of(old).keys) {
    const std::string from = key.write();
    const std::string to = schema.find_key(key.path)->write();
    if (from != to) changed.push_back(fmt::format("{} {} -> {}", key.path, from, to));
  }
  return changed;
}

std::vector<std::string> describe_run(const RunFolder& folder, const Config& config,
                                      std::uint64_t data_hash, std::int64_t step, int ranks) {
  const std::optional<Config> before = described_config(folder);
  const Json environment = run_environment(data_hash, ranks);
  const Json known = read_object(folder.environment());
  const auto keys = before ? changed_keys(*before, config) : std::vector<std::string>{};
  const auto changes = changed_environment(known, environment);

  // A folder without a configuration is no run yet; one with it keeps what it was made with.
  if (!before) write_atomically(folder.config(), to_yaml(config));
  if (known.is_object() && !is_there(folder.history())) {
    append_line(folder.history(), {{"step", 0}, {"environment", known}});
  }
  std::error_code ignored;
  append_line(folder.history(), {{"date", date_text()},
                                 {"step", step},
                                 {"command", command_line()},
                                 {"folder", fs::current_path(ignored).string()},
                                 {"changed", keys},
                                 {"environment", environment}});
  if (before && !keys.empty()) write_atomically(folder.config(), to_yaml(config));
  write_atomically(folder.environment(), environment.dump(2) + "\n");

  std::vector<std::string> lines;
  if (!keys.empty())
    lines.push_back(fmt::format("changed from here on: {}", fmt::join(keys, ", ")));
  if (!changes.empty()) {
    lines.push_back(
        fmt::format("not as before, so the bits may be others: {}", fmt::join(changes, ", ")));
  }
  return lines;
}

std::vector<HistoryEntry> read_history(const RunFolder& folder) {
  std::vector<HistoryEntry> entries;
  const std::string text = read_if_there(folder.history()).value_or("");
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const Json json = Json::parse(text.substr(begin, end - begin), nullptr, false);
    if (!json.is_object()) continue;
    HistoryEntry entry;
    try {
      entry.date = json.value("date", "");
      entry.step = json.value("step", std::int64_t{0});
      const auto words = json.value("command", std::vector<std::string>{});
      entry.command = fmt::format("{}", fmt::join(words, " "));
      entry.changed = json.value("changed", std::vector<std::string>{});
      for (const auto& [name, value] : json.at("environment").items()) {
        entry.environment.emplace_back(name, value_text(value));
      }
    } catch (const nlohmann::json::exception&) {
      continue;  // not of this program
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace tessera
