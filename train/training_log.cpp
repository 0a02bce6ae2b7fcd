#include "train/training_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/profile.h"
#include "train/readable.h"

namespace tessera {

std::string progress_bar(double share, int columns) {
  constexpr int kShortest = 8, kLongest = 24;
  const int width = std::min(columns - 1, kLongest);
  if (width < kShortest) return "";
  const int full = static_cast<int>(share * width);
  std::string text;
  for (int i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text + " ";
}

Progress::Progress(Log& log, std::string what, std::int64_t total)
    : log_(log), what_(std::move(what)), total_(total), start_(seconds_now()) {}

void Progress::update(std::int64_t done) {
  const double passed = seconds_now() - start_;
  if (done < total_ && passed - last_ < (log_.is_terminal() ? kRedrawSeconds : kReportSeconds)) {
    return;
  }
  last_ = passed;
  if (done == total_) {
    log_.status({});
    return;
  }
  const double share = static_cast<double>(done) / static_cast<double>(total_);
  const std::string line = fmt::format("{}: {}/{}, {} left", what_, done, total_,
                                       duration_text(passed / share - passed));
  if (log_.is_terminal()) {
    log_.status(progress_bar(share, Log::columns() - static_cast<int>(line.size())) + line);
  } else {
    log_.info("{}", line);
  }
}

namespace {

/// `train loss 0.4711 top-1 83.12 %`: those of `names` of `split` that are there.
std::string split_text(const Metrics& metrics, const std::string& split,
                       const std::vector<std::string>& names) {
  std::string text = split;
  for (const std::string& name : names) {
    if (const Metric* metric = metrics.find(split + "/" + name)) {
      text += fmt::format(" {} {}", title_of_metric(name), text_of_metric(*metric));
    }
  }
  return text;
}

}  // namespace

TrainingLog::TrainingLog(const Config& config, Log& log)
    : log_(log),
      epochs_(config.train.epochs),
      images_(config.data.batch_size * config.data.accumulate),
      shown_{"loss", main_metric(config)},
      last_report_(seconds_now()) {
  const std::string& best_by = config.train.best_by;
  if (std::ranges::find(shown_, best_by) == shown_.end()) shown_.push_back(best_by);
}

void TrainingLog::on_update(const UpdateRecord& record, std::span<const Batch>, const Pace& pace,
                            std::int64_t total_steps) {
  const double now = seconds_now();
  const bool draw = log_.is_terminal();
  if (now - last_report_ < (draw ? kRedrawSeconds : kReportSeconds)) return;
  last_report_ = now;
  const double speed = pace.images_per_s();
  const double left = static_cast<double>((total_steps - record.step) * images_) / speed;
  const std::string place =
      fmt::format("epoch {}/{}  step {}/{}  loss {:.4f}", record.epoch, epochs_, record.step,
                  total_steps, record.metrics.value("train/loss"));
  const std::string rest = fmt::format("{:.0f} images/s  {} left", speed, duration_text(left));
  if (draw) {
    const std::string line = place + "  " + rest;
    const double share = static_cast<double>(record.step) /
                         static_cast<double>(std::max<std::int64_t>(1, total_steps));
    log_.status(progress_bar(share, Log::columns() - static_cast<int>(line.size())) + line);
  } else {
    log_.info("{}  lr {:.2e}  {}", place, record.lr, rest);
  }
}

void TrainingLog::on_evaluated(std::int64_t epoch, std::span<const Tensor>, const Batch& batch,
                               std::int64_t total) {
  const std::int64_t done = batch.index + 1;
  log_.status(fmt::format("epoch {}: validation, batch {}/{}", epoch, done, total));
}

void TrainingLog::on_evaluation(const EvaluationRecord& record, const TimingRecord& timing,
                                bool is_best) {
  log_.info("epoch {}/{}  {}  {}{}  {:.0f} images/s  {}  data wait {:.1f} %", record.epoch, epochs_,
            split_text(record.metrics, "train", shown_), split_text(record.metrics, "val", shown_),
            is_best ? " (best)" : "", timing.images_per_s, duration_text(timing.seconds),
            100.0 * timing.data_wait_share);
}

}  // namespace tessera
