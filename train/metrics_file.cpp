#include "train/metrics_file.h"

#include <sys/stat.h>

#include <cmath>
#include <limits>
#include <string_view>

#include "core/posix.h"
#include "core/profile.h"
#include "formats/json.h"

namespace tessera {
namespace {

constexpr double kFlushSeconds = 0.5;

bool is_whole(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_number_integer();
}

// Whole lines from `begin` on as objects; a line that is no JSON object with step and epoch, by
// some damage, is passed over, as are those that do not hold `key`. Returns where the next line
// begins.
template <typename Visit>
std::streamoff for_each_line(const std::filesystem::path& path, std::string_view key, Visit&& visit,
                             std::streamoff begin = 0) {
  const std::string text = read_if_there(path, begin).value_or("");
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.find(key) == std::string_view::npos) continue;
    const Json json = try_parse_json(line);
    if (json.is_object() && is_whole(json, "step") && is_whole(json, "epoch"))
      visit(line, json, at);
  }
  return begin + static_cast<std::streamoff>(at);
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

void MetricsFile::write(const std::string& line) {
  file_.append(line + "\n");
  if (const double now = seconds_now(); now - flushed_ > kFlushSeconds) {
    file_.flush();  // for those who watch; a full disk is reported by sync
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

void truncate_metrics(const std::filesystem::path& path, std::int64_t step, bool evaluated) {
  std::optional<std::size_t> cut;
  const std::streamoff whole =
      for_each_line(path, kAnyLine, [&](std::string_view line, const Json& json, std::size_t at) {
        const std::int64_t own = json["step"].get<std::int64_t>();
        const bool again = own == step && !evaluated && line.find(kUpdate) == line.npos;
        if (!cut && (own > step || again)) cut = at;
      });
  const std::size_t kept = cut.value_or(static_cast<std::size_t>(whole));
  if (is_there(path) && std::filesystem::file_size(path) > kept) cut_file(path, kept);
}

std::vector<UpdateRecord> read_updates(const std::filesystem::path& path,
                                       std::optional<std::int64_t> epoch) {
  std::vector<UpdateRecord> records;
  for_each_line(path, kUpdate, [&](std::string_view, const Json& json, std::size_t) {
    const UpdateRecord record = update_of(json);
    if (!epoch || record.epoch == *epoch) records.push_back(record);
  });
  return records;
}

std::vector<EvaluationRecord> read_evaluations(const std::filesystem::path& path) {
  std::vector<EvaluationRecord> records;
  for_each_line(path, kAnyLine, [&](std::string_view line, const Json& json, std::size_t) {
    if (line.find(kUpdate) == line.npos) records.push_back(evaluation_of(json));
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
        [&](std::string_view line, const Json& json, std::size_t) {
          if (line.find(kUpdate) != line.npos) {
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
  for_each_line(path, kAnyLine, [&](std::string_view, const Json& json, std::size_t) {
    records.push_back({json["step"].get<std::int64_t>(), json["epoch"].get<std::int64_t>(),
                       number_at(json, "seconds"), number_at(json, "images_per_s"),
                       number_at(json, "data_wait_share"), number_at(json, "peak_memory_mb")});
  });
  return records;
}

bool BestEvaluation::add(const EvaluationRecord& record) {
  const Metric* metric = record.metrics.find(best_by_);
  const double sign = metric != nullptr && metric->smaller_is_better ? -1.0 : 1.0;
  const double value = sign * measure(record);
  const double before = best_ ? sign * measure(*best_) : std::nan("");
  const bool better = !best_ || value > before || (std::isnan(before) && !std::isnan(value));
  if (better) best_ = record;
  waited_ = better ? 0 : waited_ + 1;
  return better;
}

}  // namespace tessera
