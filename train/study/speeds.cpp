#include "train/study/speeds.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "train/config/config.h"
#include "train/study/child_program.h"
#include "train/weights/atomic_file.h"

namespace tessera {
namespace {

/// The configuration without what does not change the time of a step.
std::string key_of(Config config) {
  const std::int64_t batch = config.data.batch_size;
  config.data = {};
  config.data.batch_size = batch;
  config.optim.lr = OptimConfig{}.lr;
  config.optim.schedule = {};
  const TrainConfig train = config.train;
  config.train = {};
  config.train.precision = train.precision;
  config.train.threads = train.threads;
  return to_yaml(config);
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

}  // namespace

Speeds::Speeds(std::filesystem::path file) : file_(std::move(file)) {
  std::ifstream stream(file_);
  const nlohmann::json json = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return;
  for (const nlohmann::json& entry : json) {
    known_[entry.value("config", "")] = {entry.value("train_images_per_s", 0.0),
                                         entry.value("test_images_per_s", 0.0)};
  }
}

std::optional<CellSpeed> Speeds::measure(const Config& config, std::string& error) {
  const std::string key = key_of(config);
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  const MemoryFile file(to_yaml(config));
  const ChildResult child = run_child({"bench", file.path(), "--json", "--steps", "3"});
  const nlohmann::json json = nlohmann::json::parse(child.out, nullptr, /*allow_exceptions=*/false);
  if (!child.succeeded() || !json.is_object()) {
    error = child.signal != 0 ? fmt::format("ended by signal {}", child.signal) : child.error;
    return std::nullopt;
  }
  const CellSpeed speed{json["train"]["images_per_s"].get<double>(),
                        json["infer"]["images_per_s"].get<double>()};
  known_[key] = speed;
  if (!file_.empty()) save();
  return speed;
}

void Speeds::save() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const auto& [key, speed] : known_) {
    json.push_back({{"train_images_per_s", speed.train_images_per_s},
                    {"test_images_per_s", speed.test_images_per_s},
                    {"config", key}});
  }
  AtomicFile file(file_);
  file.write(json.dump(1) + "\n");
  file.commit();
}

}  // namespace tessera
