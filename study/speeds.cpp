#include "study/speeds.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "formats/json.h"
#include "study/child_program.h"
#include "train/config/config.h"

namespace tessera {
namespace {

/// The configuration without what does not change the time of a step.
std::string key_of(Config config) {
  const std::int64_t batch = config.data.batch_size;
  config.data = {};
  config.has_data = false;
  config.data.batch_size = batch;
  config.optim.lr = OptimConfig{}.lr;
  config.optim.lr_scaling = {};
  config.optim.schedule = {};
  const TrainConfig train = config.train;
  config.train = {};
  config.train.precision = train.precision;
  config.train.recompute = train.recompute;
  config.train.threads = train.threads;
  return to_yaml(config);
}

/// The key as this program writes it: one with more keys than the program that measured finds its
/// speeds all the same. Version 0.1 named a data set, whose images need not be those of the model.
std::string as_written_now(const std::string& key) {
  try {
    return key_of(parse_config(key, "speeds.json", std::vector<std::string>{"data.name=none"}));
  } catch (const Error&) {
    return key;
  }
}

/// A text that a child process can read as a file, which is gone with this process.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& text) : descriptor_(::memfd_create("config.yaml", 0)) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size()))
      fail<Error>("memfd: {}", std::strerror(errno));
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  std::string path() const { return fmt::format("/dev/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

/// A few steps in a process of their own. Nothing if they fail: `error` then says why.
std::optional<CellSpeed> run_steps(const Config& config, std::string& error) {
  const MemoryFile file(to_yaml(config));
  const ChildResult child = run_child({"bench", file.path(), "--json", "--steps", "3"});
  const Json json = try_parse_json(child.out);
  if (!child.succeeded() || !json.is_object()) {
    error = child.signal != 0 ? fmt::format("ended by signal {}", child.signal) : child.error;
    return std::nullopt;
  }
  return CellSpeed{json["train"]["images_per_s"].get<double>(),
                   json["infer"]["images_per_s"].get<double>()};
}

}  // namespace

Speeds::Speeds(std::filesystem::path file) : file_(std::move(file)) {
  const Json json = try_parse_json(read_if_there(file_).value_or(""));
  if (!json.is_array()) return;
  for (const Json& entry : json) {
    known_[as_written_now(entry.value("config", ""))] = {entry.value("train_images_per_s", 0.0),
                                                         entry.value("test_images_per_s", 0.0)};
  }
}

std::optional<CellSpeed> Speeds::known(const Config& config) const {
  const auto found = known_.find(key_of(config));
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<CellSpeed> Speeds::measure(const Config& config, std::string& error) {
  if (const auto before = known(config)) return before;
  const std::optional<CellSpeed> speed = run_steps(config, error);
  if (!speed) return std::nullopt;
  known_[key_of(config)] = *speed;
  if (!file_.empty()) save();
  return speed;
}

void Speeds::measure_again(std::span<const Config> configs,
                           const std::function<void(int, std::size_t)>& on_measure) {
  std::map<std::string, CellSpeed> fastest;
  for (int round = 0; round < kRounds; ++round) {
    std::set<std::string> done;  // configurations that only differ in what takes no time
    for (std::size_t i = 0; i < configs.size(); ++i) {
      const std::string key = key_of(configs[i]);
      if (!done.insert(key).second) continue;
      on_measure(round, i);
      std::string error;
      const std::optional<CellSpeed> speed = run_steps(configs[i], error);
      if (!speed) continue;
      CellSpeed& best = fastest[key];
      best.train_images_per_s = std::max(best.train_images_per_s, speed->train_images_per_s);
      best.test_images_per_s = std::max(best.test_images_per_s, speed->test_images_per_s);
    }
  }
  for (const auto& [key, speed] : fastest) known_[key] = speed;
  if (!file_.empty()) save();
}

void Speeds::save() const {
  Json json = Json::array();
  for (const auto& [key, speed] : known_) {
    json.push_back({{"train_images_per_s", speed.train_images_per_s},
                    {"test_images_per_s", speed.test_images_per_s},
                    {"config", key}});
  }
  AtomicFile file(file_);
  file.write(json_text(json, 1) + "\n");
  file.commit();
}

}  // namespace tessera
