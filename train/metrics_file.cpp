#include "train/metrics_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <string_view>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/profile.h"
#include "formats/json.h"

namespace tessera {
namespace {

constexpr double kFlushSeconds = 0.5;

bool is_whole(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_number_integer();
}

// Lines from `begin` on as objects; what is no JSON object with step and epoch ends the reading.
// Lines that do not hold `key` are passed over. Returns where the next line begins.
template <typename Visit>
std::streamoff for_each_line(const std::filesystem::path& path, std::string_view key, Visit&& visit,
                             std::streamoff begin = 0) {
  std::ifstream file(path);
  file.seekg(begin);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    if (line.find(key) != std::string::npos) {
      const Json json = try_parse_json(line);
      if (!json.is_object() || !is_whole(json, "step") || !is_whole(json, "epoch")) break;
      visit(line, json);
    }
    begin += static_cast<std::streamoff>(line.size()) + 1;
  }
  return begin;
}

// What every line of a kind has, and no other; the evaluations' also in version 0.1.
constexpr std::string_view kAnyLine = "", kUpdate = "\"grad_norm\"";

/// NaN, and what else is no number, is written as null.
double number_at(const Json& json, const std::string& name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number() ? found->get<double>()
                                                   : std::numeric_limits<double>::quiet_NaN();
}

UpdateRecord update_of(const Json& json) {
  UpdateRecord record{json["step"].get<std::int64_t>(), json["epoch"].get<std::int64_t>(),
                      number_at(json, "lr"), number_at(json, "grad_norm")};
  for (const auto& [name, value] : json.items()) {
    if (name.find('/') != std::string::npos) record.metrics.set(name, number_at(json, name));
    if (name == "loss" || name == "top1") {  // version 0.1
      record.metrics.set("train/" + name, number_at(json, name));
    }
  }
  return record;
}

EvaluationRecord evaluation_of(const Json& json) {
  EvaluationRecord record{json["step"].get<std::int64_t>(), json["epoch"].get<std::int64_t>()};
  for (const auto& [name, value] : json.items()) {
    const std::string current = current_metric_name(name);
    if (current.find('/') != std::string::npos) record.metrics.set(current, number_at(json, name));
  }
  return record;
}

void add_metrics(Json& json, const Metrics& metrics) {
  for (const Metric& metric : metrics) json[metric.name] = metric.value;
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
  if (const double now = seconds_now(); now - flushed_ > kFlushSeconds) {
    std::fflush(file_.get());  // for those who watch; a full disk is reported by sync
    flushed_ = now;
  }
}

void MetricsFile::append(const UpdateRecord& record) {
  Json json{{"step", record.step},
            {"epoch", record.epoch},
            {"lr", record.lr},
            {"grad_norm", record.grad_norm}};
  add_metrics(json, record.metrics);
  write(json_text(json));
}

void MetricsFile::append(const EvaluationRecord& record) {
  Json json{{"step", record.step}, {"epoch", record.epoch}};
  add_metrics(json, record.metrics);
  write(json_text(json));
}

void MetricsFile::append(const TimingRecord& record) {
  write(json_text(Json{{"step", record.step},
                       {"epoch", record.epoch},
                       {"seconds", record.seconds},
                       {"images_per_s", record.images_per_s},
                       {"data_wait_share", record.data_wait_share},
                       {"peak_memory_mb", record.peak_memory_mb}}));
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
  for_each_line(path, kAnyLine, [&](const std::string& line, const Json& json) {
    if (json["step"].get<std::int64_t>() <= step) kept += line + "\n";
  });
  AtomicFile file(path);
  file.write(kept);
  file.commit();
}

std::vector<UpdateRecord> read_updates(const std::filesystem::path& path,
                                       std::optional<std::int64_t> epoch) {
  std::vector<UpdateRecord> records;
  for_each_line(path, kUpdate, [&](const std::string&, const Json& json) {
    const UpdateRecord record = update_of(json);
    if (!epoch || record.epoch == *epoch) records.push_back(record);
  });
  return records;
}

std::vector<EvaluationRecord> read_evaluations(const std::filesystem::path& path) {
  std::vector<EvaluationRecord> records;
  for_each_line(path, kAnyLine, [&](const std::string& line, const Json& json) {
    if (line.find(kUpdate) == std::string::npos) records.push_back(evaluation_of(json));
  });
  return records;
}

bool MetricsFollower::poll() {
  struct stat file = {};
  const bool there = ::stat(path_.c_str(), &file) == 0;
  if (!there || file.st_ino != file_ || file.st_size < read_) {
    read_ = 0;
    updates_.clear();
    evaluations_.clear();
  }
  file_ = there ? file.st_ino : 0;
  const std::streamoff begin = read_;
  if (there && file.st_size > read_) {
    read_ = for_each_line(
        path_, kAnyLine,
        [&](const std::string& line, const Json& json) {
          if (line.find(kUpdate) != std::string::npos) {
            updates_.push_back(update_of(json));
          } else {
            evaluations_.push_back(evaluation_of(json));
          }
        },
        begin);
  }
  return read_ != begin;
}

std::vector<TimingRecord> read_timing(const std::filesystem::path& path) {
  std::vector<TimingRecord> records;
  for_each_line(path, kAnyLine, [&](const std::string&, const Json& json) {
    records.push_back({json["step"].get<std::int64_t>(), json["epoch"].get<std::int64_t>(),
                       number_at(json, "seconds"), number_at(json, "images_per_s"),
                       number_at(json, "data_wait_share"), number_at(json, "peak_memory_mb")});
  });
  return records;
}

}  // namespace tessera
