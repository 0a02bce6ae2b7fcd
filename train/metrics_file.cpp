#include "train/metrics_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "train/weights/atomic_file.h"

namespace tessera {
namespace {

using Json = nlohmann::ordered_json;

bool is_whole(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_number_integer();
}

// Lines of the file as objects; what is no JSON object with step and epoch ends the reading.
template <typename Visit>
void for_each_line(const std::filesystem::path& path, Visit&& visit) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !is_whole(json, "step") || !is_whole(json, "epoch")) return;
    visit(line, json);
  }
}

/// NaN, and what else is no number, is written as null.
double number_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number() ? found->get<double>()
                                                   : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

MetricsFile::MetricsFile(const std::filesystem::path& path)
    : path_(path), file_(std::fopen(path.c_str(), "ab"), &std::fclose) {
  if (file_ == nullptr) {
    fail<CheckpointError>("{}: cannot be opened: {}", path.string(), std::strerror(errno));
  }
}

void MetricsFile::write(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), file_.get());
  std::fputc('\n', file_.get());
}

void MetricsFile::append(const UpdateRecord& record) {
  write(Json{{"step", record.step},
             {"epoch", record.epoch},
             {"lr", record.lr},
             {"loss", record.loss},
             {"grad_norm", record.grad_norm},
             {"top1", record.top1}}
            .dump());
}

void MetricsFile::append(const EvaluationRecord& record) {
  write(Json{{"step", record.step},
             {"epoch", record.epoch},
             {"train_loss", record.train_loss},
             {"train_top1", record.train_top1},
             {"test_loss", record.test_loss},
             {"test_top1", record.test_top1},
             {"test_top5", record.test_top5}}
            .dump());
}

void MetricsFile::append(const TimingRecord& record) {
  write(Json{{"step", record.step},
             {"epoch", record.epoch},
             {"seconds", record.seconds},
             {"images_per_s", record.images_per_s},
             {"data_wait_share", record.data_wait_share},
             {"peak_memory_mb", record.peak_memory_mb}}
            .dump());
}

void MetricsFile::sync() {
  if (std::fflush(file_.get()) != 0 || std::ferror(file_.get()) != 0 ||
      fsync(fileno(file_.get())) != 0) {
    fail<CheckpointError>("{}: cannot be written: {}", path_.string(), std::strerror(errno));
  }
}

void truncate_metrics(const std::filesystem::path& path, std::int64_t step) {
  if (!std::filesystem::exists(path)) return;
  std::string kept;
  for_each_line(path, [&](const std::string& line, const Json& json) {
    if (json["step"].get<std::int64_t>() <= step) kept += line + "\n";
  });
  AtomicFile file(path);
  file.write(kept);
  file.commit();
}

std::vector<UpdateRecord> read_updates(const std::filesystem::path& path,
                                       std::optional<std::int64_t> epoch) {
  std::vector<UpdateRecord> records;
  for_each_line(path, [&](const std::string&, const Json& json) {
    if (!json.contains("grad_norm")) return;
    const auto own_epoch = json["epoch"].get<std::int64_t>();
    if (epoch && own_epoch != *epoch) return;
    records.push_back({json["step"].get<std::int64_t>(), own_epoch, number_at(json, "lr"),
                       number_at(json, "loss"), number_at(json, "grad_norm"),
                       number_at(json, "top1")});
  });
  return records;
}

std::vector<EvaluationRecord> read_evaluations(const std::filesystem::path& path) {
  std::vector<EvaluationRecord> records;
  for_each_line(path, [&](const std::string&, const Json& json) {
    if (!json.contains("test_top1")) return;
    records.push_back({json["step"].get<std::int64_t>(), json["epoch"].get<std::int64_t>(),
                       number_at(json, "train_loss"), number_at(json, "train_top1"),
                       number_at(json, "test_loss"), number_at(json, "test_top1"),
                       number_at(json, "test_top5")});
  });
  return records;
}

std::vector<TimingRecord> read_timing(const std::filesystem::path& path) {
  std::vector<TimingRecord> records;
  for_each_line(path, [&](const std::string&, const Json& json) {
    records.push_back({json["step"].get<std::int64_t>(), json["epoch"].get<std::int64_t>(),
                       number_at(json, "seconds"), number_at(json, "images_per_s"),
                       number_at(json, "data_wait_share"), number_at(json, "peak_memory_mb")});
  });
  return records;
}

}  // namespace tessera
