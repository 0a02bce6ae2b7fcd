#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <string>

#include "core/error.h"
#include "core/profile.h"
#include "formats/weights/load_weights.h"
#include "optim/schedule.h"
#include "train/config/config.h"
#include "train/duration.h"
#include "train/evaluate.h"
#include "train/plural.h"
#include "train/process_memory.h"
#include "train/progress.h"
#include "train/training_plan.h"

namespace tessera {

LoaderOptions training_options(const Config& config) {
  return {.batch_size = config.data.batch_size,
          .shuffle = true,
          .augment = config.data.augment,
          .resize = config.data.resize,
          .normalization = normalization_of(config.data),
          .on_error = config.data.on_error,
          .seed = config.train.seed,
          .workers = config.data.workers,
          .drop_last = true};
}

Trainer::Trainer(const Config& config, const RunFolder& folder, const Dataset& train,
                 const Dataset& test, Log& log)
    : config_(config),
      folder_(folder),
      log_(log),
      learner_(config),
      train_loader_(train, training_options(config)),
      test_loader_(test, evaluation_options(config.data)),
      num_classes_(config.model.num_classes),
      steps_per_epoch_(training_length(config, train.size()).steps_per_epoch),
      total_steps_(training_length(config, train.size()).total_steps),
      metrics_(folder.metrics()),
      timing_(folder.timing()),
      best_(config.train.best_by),
      peak_lr_(scaled_lr(config.optim, config.data.batch_size * config.data.accumulate)) {}

void Trainer::restore(const LoadedCheckpoint& checkpoint) {
  load_weights(checkpoint.model, named_values(learner_.model().parameters));
  restore_tensors(checkpoint.state, learner_.state());
  const CheckpointMeta& meta = checkpoint.meta;
  position_ = {meta.step, meta.epoch, meta.batch_in_epoch};
  std::int64_t seen = -1;
  for (const EvaluationRecord& record : read_evaluations(folder_.metrics())) {
    // After a kill between an evaluation and its checkpoint it is made again, to the same bits.
    if (record.step == seen || (record.step == meta.step && !meta.metric)) continue;
    seen = record.step;
    best_.add(record);
    if (record.step == meta.step) evaluation_ = record;
    summary_.last_top1 = record.test_top1;
  }
  epoch_updates_ = read_updates(folder_.metrics(), position_.epoch + 1);
}

bool Trainer::out_of_patience() const {
  return config_.train.patience > 0 && best_.waited() >= config_.train.patience;
}

bool Trainer::finished() const {
  return evaluation_ && (position_.step >= total_steps_ || out_of_patience());
}

TrainSummary Trainer::run() {
  last_report_ = seconds_now();
  if (config_.train.tensorboard && !finished()) {
    events_.emplace(folder_.events(), config_, position_.step);
  }
  reset_peak_memory();  // reading the data may have taken more than training does
  while (!finished()) {
    if (!train_epoch() || !finish_epoch()) {
      log_.info("{}: saving step {}", SignalGuard::stop_signal() == SIGINT ? "SIGINT" : "SIGTERM",
                position_.step);
      save(false);
      summary_.stop_signal = SignalGuard::stop_signal();
      break;
    }
    if (SignalGuard::stop_signal() != 0) {
      summary_.stop_signal = SignalGuard::stop_signal();
      break;
    }
  }
  summary_.step = position_.step;
  if (best_.best()) summary_.best_top1 = best_.best()->test_top1;
  summary_.ended_early = position_.step < total_steps_ && summary_.stop_signal == 0;
  return summary_;
}

/// False if a signal ended it.
bool Trainer::train_epoch() {
  train_loader_.start_epoch(position_.epoch, position_.batch);
  epoch_seconds_ = 0.0;
  epoch_images_ = 0;
  epoch_wait_start_ = train_loader_.waited_seconds();
  std::vector<Batch> batches(static_cast<std::size_t>(config_.data.accumulate));
  const std::int64_t last_batch = steps_per_epoch_ * config_.data.accumulate;
  while (position_.batch < last_batch && position_.step < total_steps_) {
    train_step(batches);
    if (SignalGuard::take_checkpoint_request()) {
      log_.info("SIGUSR1: saving step {}", position_.step);
      save(false);
    }
    if (SignalGuard::stop_signal() != 0) return false;
    const bool ends = position_.batch >= last_batch || position_.step >= total_steps_;
    if (config_.train.checkpoint_every > 0 && !ends &&
        position_.step % config_.train.checkpoint_every == 0) {
      save(false);
    }
  }
  return true;
}

void Trainer::train_step(std::vector<Batch>& batches) {
  const double start = seconds_now();
  for (Batch& batch : batches) {
    train_loader_.next(batch);
    epoch_images_ += batch.labels.dim(0);
  }
  const double lr = learning_rate(config_.optim.schedule, peak_lr_, position_.step, total_steps_,
                                  steps_per_epoch_);
  const UpdateResult result = learner_.update(batches, position_.step, lr);
  evaluation_.reset();
  ++position_.step;
  position_.batch += config_.data.accumulate;
  epoch_updates_.push_back(
      {position_.step, position_.epoch + 1, lr, result.loss, result.grad_norm, result.top1});
  metrics_.append(epoch_updates_.back());
  if (events_) {
    events_->add(epoch_updates_.back());
    if (position_.step == 1) events_->add_batch(position_.step, batches.front());
  }
  epoch_seconds_ += seconds_now() - start;
  warn_of(train_loader_);
  show_progress(result, lr);
}

void Trainer::warn_of(Loader& loader) {
  constexpr int kMost = 100;  // lines a run; a whole data set may be broken
  for (const std::string& warning : loader.take_warnings()) {
    if (++warnings_ <= kMost) log_.info("{}", warning);
    if (warnings_ == kMost) log_.info("no more of these warnings; tessera data check lists all");
  }
}

void Trainer::show_progress(const UpdateResult& result, double lr) {
  const double now = seconds_now();
  const bool draw = log_.is_terminal();
  if (now - last_report_ < (draw ? kRedrawSeconds : kReportSeconds)) return;
  last_report_ = now;
  const double speed = static_cast<double>(epoch_images_) / epoch_seconds_;
  const double images = static_cast<double>(config_.data.batch_size * config_.data.accumulate);
  const double left = static_cast<double>(total_steps_ - position_.step) * images / speed;
  const std::string place =
      fmt::format("epoch {}/{}  step {}/{}  loss {:.4f}", position_.epoch + 1, config_.train.epochs,
                  position_.step, total_steps_, result.loss);
  const std::string pace = fmt::format("{:.0f} images/s  {} left", speed, duration_text(left));
  if (draw) {
    const std::string line = place + "  " + pace;
    const double share = static_cast<double>(position_.step) /
                         static_cast<double>(std::max<std::int64_t>(1, total_steps_));
    log_.status(progress_bar(share, Log::columns() - static_cast<int>(line.size())) + line);
  } else {
    log_.info("{}  lr {:.2e}  {}", place, lr, pace);
  }
}

/// The test's metrics beside the means over the updates of the epoch.
EvaluationRecord Trainer::evaluation_record(const Metrics& metrics) const {
  EvaluationRecord record{.step = position_.step,
                          .epoch = position_.epoch + 1,
                          .test_loss = metrics.loss(),
                          .test_top1 = metrics.top1(),
                          .test_top5 = metrics.top5()};
  for (const UpdateRecord& update : epoch_updates_) {
    record.train_loss += update.loss / static_cast<double>(epoch_updates_.size());
    record.train_top1 += update.top1 / static_cast<double>(epoch_updates_.size());
  }
  return record;
}

void Trainer::report_epoch(const EvaluationRecord& record, bool is_best) {
  const double seconds = std::max(epoch_seconds_, 1e-9);
  const double speed = static_cast<double>(epoch_images_) / seconds;
  const double waited = (train_loader_.waited_seconds() - epoch_wait_start_) / seconds;
  log_.info(
      "epoch {}/{}  train loss {:.4f} top-1 {:.2f} %  test loss {:.4f} top-1 {:.2f} %{}  {:.0f} "
      "images/s  {}  data wait {:.1f} %",
      record.epoch, config_.train.epochs, record.train_loss, 100.0 * record.train_top1,
      record.test_loss, 100.0 * record.test_top1, is_best ? " (best)" : "", speed,
      duration_text(epoch_seconds_), 100.0 * waited);
  const TimingRecord timing{record.step, record.epoch, epoch_seconds_,
                            speed,       waited,       peak_memory_mb()};
  timing_.append(timing);
  if (!events_) return;
  events_->add(record);
  events_->add(timing);
}

/// Evaluates, reports and saves after the last batch of an epoch. False if a signal ended it.
bool Trainer::finish_epoch() {
  const std::int64_t epoch = position_.epoch + 1;
  const bool is_last = position_.step >= total_steps_;
  bool is_best = false;
  if (is_last || epoch % config_.train.eval_every == 0) {
    const Learner::Evaluation evaluation(learner_);
    const auto show = [&](const Tensor&, const Batch& batch) {
      log_.status(fmt::format("epoch {}: testing, batch {}/{}", epoch, batch.index + 1,
                              test_loader_.batches_per_epoch()));
      return SignalGuard::stop_signal() == 0;
    };
    const Metrics metrics = evaluate(learner_, test_loader_, num_classes_, show);
    if (SignalGuard::stop_signal() != 0) return false;
    warn_of(test_loader_);
    evaluation_ = evaluation_record(metrics);
    metrics_.append(*evaluation_);
    is_best = best_.add(*evaluation_);
    summary_.last_top1 = evaluation_->test_top1;
    report_epoch(*evaluation_, is_best);
  }
  if (events_ && evaluation_) events_->add_model(position_.step, learner_.model());
  summary_.train_seconds += epoch_seconds_;
  if (position_.batch >= steps_per_epoch_ * config_.data.accumulate) {
    epoch_updates_.clear();
    ++position_.epoch;
    position_.batch = 0;
  }
  if (evaluation_ && !is_last && out_of_patience()) {
    log_.info("no better one for {}: the run ends here (train.patience); the best was epoch {}",
              plural(best_.waited(), "evaluation"), best_.best()->epoch);
  }
  save(is_best);
  return true;
}

void Trainer::save(bool is_best) {
  metrics_.sync();
  timing_.sync();
  if (events_) events_->sync();
  const auto measured = [&](const std::optional<EvaluationRecord>& record) {
    return record ? std::optional(measure(*record, config_.train.best_by)) : std::nullopt;
  };
  const CheckpointData data{.meta = {.step = position_.step,
                                     .epoch = position_.epoch,
                                     .batch_in_epoch = position_.batch,
                                     .ended = position_.step < total_steps_ && finished(),
                                     .metric = measured(evaluation_),
                                     .best_metric = measured(best_.best()),
                                     .config = to_yaml(config_)},
                            .model = named_values(learner_.model().parameters),
                            .state = learner_.state()};
  save_checkpoint(folder_.checkpoints(), data, is_best);
}

}  // namespace tessera
