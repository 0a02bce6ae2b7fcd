#include "train/trainer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/profile.h"
#include "data/dense_transform.h"
#include "optim/schedule.h"
#include "train/class_weights.h"
#include "train/config/config.h"
#include "train/evaluate.h"
#include "train/memory_limits.h"
#include "train/readable.h"
#include "train/signals.h"
#include "train/teacher.h"

namespace tessera {

LoaderOptions training_options(const Config& config, const Share& share) {
  return {.batch_size = config.data.batch_size,
          .shuffle = true,
          .sampler = config.data.sampler,
          .augment = config.data.augment,
          .resize = config.data.resize,
          .normalization = normalization_of(config.data),
          .on_error = config.data.on_error,
          .seed = config.train.seed,
          .workers = config.data.workers,
          .drop_last = true,
          .share = share};
}

namespace {

Share share_of(const Communicator& ranks) { return {.rank = ranks.rank(), .ranks = ranks.size()}; }

}  // namespace

Trainer::Trainer(const Config& config, std::filesystem::path checkpoints, const Dataset& train,
                 const Dataset& val, Communicator& ranks, std::shared_ptr<const Teacher> teacher)
    : config_(with_class_weights(config, train)),
      checkpoints_(std::move(checkpoints)),
      ranks_(ranks),
      learner_(config_, ranks),
      train_loader_(train, training_options(config, share_of(ranks))),
      val_loader_(val, evaluation_options(config.data, share_of(ranks))),
      length_(training_length(config, train.size())),
      samples_(train.size()),
      is_dense_(train.target_kind() != TargetKind::kClass),
      peak_lr_(scaled_lr(config.optim, config.data.batch_size * config.data.accumulate)),
      position_(first_position(length_)),
      best_(config.train.best_by) {
  learner_.learn_from(teacher ? std::move(teacher) : find_teacher(config_));
}

void Trainer::restore(const LoadedCheckpoint& checkpoint, const TrainingHistory& history) {
  const CheckpointMeta& meta = checkpoint.meta;
  position_ = position_of(meta, config_, length_, samples_);
  learner_.restore(checkpoint.model, checkpoint.state);
  std::int64_t seen = -1;
  for (const EvaluationRecord& record : history.evaluations) {
    // After a kill between an evaluation and its checkpoint it is made again, to the same bits.
    if (record.step == seen || (record.step == meta.step && !meta.metric)) continue;
    seen = record.step;
    best_.add(record);
    if (record.step == meta.step) evaluation_ = record;
    summary_.last = record;
  }
  epoch_updates_ = history.updates;
}

bool Trainer::out_of_patience() const {
  return config_.train.patience > 0 && best_.waited() >= config_.train.patience;
}

bool Trainer::finished() const {
  return evaluation_ && (position_.step >= position_.total || out_of_patience());
}

bool Trainer::epoch_ends() const {
  return is_epoch_over(position_, config_.data, samples_) || position_.step >= position_.total;
}

void Trainer::say(const std::string& message) {
  for (TrainingObserver* observer : observers_) observer->on_message(message);
}

TrainSummary Trainer::run() {
  reset_peak_memory();  // reading the data may have taken more than training does
  if (!ranks_.alone()) begin_together();
  // What was measured before a resume, rank 0 alone knows.
  while (!broadcast(ranks_, finished())) {
    if (!train_epoch() || !finish_epoch()) {
      say(fmt::format("{}: saving step {}", signal_name(stop_signal_), position_.step));
      save(false);
      break;
    }
    if (listen() != 0) {  // what the epoch came to is saved
      say(fmt::format("{}: saving step {}", signal_name(stop_signal_), position_.step));
      break;
    }
  }
  summary_.stop_signal = stop_signal_;
  summary_.step = position_.step;
  summary_.best = best_.best();
  summary_.ended_early = position_.step < position_.total && summary_.stop_signal == 0;
  return summary_;
}

/// All begin where rank 0 does.
void Trainer::begin_together() {
  learner_.follow();
  position_ = broadcast(ranks_, position_);
}

/// Signals that any rank has got are heard by all of them at the same time. Returns the one that
/// ends the run, or 0.
int Trainer::listen() {
  const std::array own{static_cast<double>(SignalGuard::stop_signal()),
                       SignalGuard::take_checkpoint_request() ? 1.0 : 0.0};
  const std::vector<double> all = ranks_.gather(own);
  for (std::size_t i = 0; i < all.size(); i += own.size()) {
    if (stop_signal_ == 0) stop_signal_ = static_cast<int>(all[i]);
    checkpoint_requested_ = checkpoint_requested_ || all[i + 1] != 0.0;
  }
  return stop_signal_;
}

/// False if a signal ended it.
bool Trainer::train_epoch() {
  if (epoch_ends()) return true;  // with data or updates of another size than it was left with
  train_loader_.start_epoch(position_.epoch, position_.batch, position_.offset);
  std::vector<Batch> batches(static_cast<std::size_t>(config_.data.accumulate));
  while (!epoch_ends()) {
    train_step(batches);
    listen();
    if (std::exchange(checkpoint_requested_, false)) {
      save(false);
      report_request();
    }
    if (stop_signal_ != 0) return false;
    if (config_.train.checkpoint_every > 0 && !epoch_ends() &&
        position_.step % config_.train.checkpoint_every == 0) {
      save(false);
    }
  }
  return true;
}

void Trainer::train_step(std::vector<Batch>& batches) {
  const double start = seconds_now();
  const double waited = train_loader_.waited_seconds();
  for (Batch& batch : batches) {
    train_loader_.next(batch);
    if (!ranks_.alone() && is_dense_) pad_alike(batch, ranks_);
    pace_.images += batch.whole;
  }
  const double lr =
      learning_rate(config_.optim.schedule, peak_lr_, position_.step + position_.shift,
                    position_.total + position_.shift, length_.steps_per_epoch);
  const UpdateResult result = learner_.update(batches, position_.step, lr);
  evaluation_.reset();
  ++position_.step;
  position_.batch += config_.data.accumulate;
  UpdateRecord record{position_.step, position_.epoch + 1, lr, result.grad_norm};
  record.metrics.set("train/loss", result.loss);
  record.metrics.append(result.metrics, "train/");
  const double seconds = seconds_now() - start;
  pace_.seconds += seconds;
  summary_.train_seconds += seconds;
  pace_.waited += train_loader_.waited_seconds() - waited;
  for (TrainingObserver* observer : observers_) {
    observer->on_update(record, batches, pace_, position_.total);
  }
  epoch_updates_.push_back(std::move(record));
  warn_of(train_loader_);
}

/// What SIGUSR1 asked for.
void Trainer::report_request() {
  const UpdateRecord& update = epoch_updates_.back();
  say(fmt::format(
      "SIGUSR1: epoch {}/{}  step {}/{}  loss {:.4f}  lr {:.2e}  {:.0f} images/s  saved",
      update.epoch, config_.train.epochs, update.step, position_.total,
      update.metrics.value("train/loss"), update.lr, pace_.images_per_s()));
}

void Trainer::warn_of(Loader& loader) {
  constexpr int kMost = 100;  // lines a run; a whole data set may be broken
  for (const std::string& warning : loader.take_warnings()) {
    if (!ranks_.leads()) {
      untold_.push_back(warning);
      continue;
    }
    if (++warnings_ <= kMost) say(warning);
    if (warnings_ == kMost) say("no more of these warnings; tessera data check lists all");
  }
}

/// What other ranks have to say comes at the end of an epoch.
void Trainer::gather_warnings() {
  if (ranks_.alone()) return;
  const std::vector<std::string> all =
      ranks_.gather_bytes(fmt::format("{}", fmt::join(untold_, "\n")));
  untold_.clear();
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (!all[rank].empty()) say(fmt::format("rank {}: {}", rank, all[rank]));
  }
}

/// The validation's metrics behind the means over the updates of the epoch.
EvaluationRecord Trainer::evaluation_record(const Metrics& metrics) const {
  EvaluationRecord record{.step = position_.step, .epoch = position_.epoch + 1};
  const auto updates = static_cast<double>(epoch_updates_.size());
  for (const UpdateRecord& update : epoch_updates_) {
    for (const Metric& metric : update.metrics) {
      const Metric* sum = record.metrics.find(metric.name);
      record.metrics.set(metric.name, (sum == nullptr ? 0.0 : sum->value) + metric.value / updates);
    }
  }
  record.metrics.append(metrics, "val/");
  return record;
}

/// False if a signal ended it.
bool Trainer::evaluate_epoch() {
  const Learner::Evaluation evaluation(learner_);
  const std::int64_t epoch = position_.epoch + 1;
  // Ranks have as many batches, or one less, and hear of signals together.
  std::int64_t heard = 0;
  const std::int64_t rounds = broadcast(ranks_, val_loader_.batches_per_epoch());
  const auto show = [&](std::span<const Tensor> outputs, const Batch& batch) {
    for (TrainingObserver* observer : observers_) {
      observer->on_evaluated(epoch, outputs, batch, rounds * ranks_.size());
    }
    ++heard;
    return listen() == 0;
  };
  std::unique_ptr<Meter> meter = learner_.task().evaluation_meter();
  evaluate(learner_, val_loader_, *meter, show);
  while (stop_signal_ == 0 && heard++ < rounds) listen();
  if (stop_signal_ != 0) return false;
  warn_of(val_loader_);
  if (!ranks_.alone()) {
    meter = merged(ranks_, *meter, [&] { return learner_.task().evaluation_meter(); });
  }
  evaluation_ = evaluation_record(meter->values());
  return true;
}

/// Evaluates, reports and saves after the last batch of an epoch. False if a signal ended it.
bool Trainer::finish_epoch() {
  const bool is_last = position_.step >= position_.total;
  bool is_best = false;
  if (is_last || (position_.epoch + 1) % config_.train.eval_every == 0) {
    if (!evaluate_epoch()) return false;
    is_best = best_.add(*evaluation_);
    summary_.last = evaluation_;
    const double seconds = std::max(pace_.seconds, 1e-9);
    const TimingRecord timing{.step = position_.step,
                              .epoch = evaluation_->epoch,
                              .seconds = pace_.seconds,
                              .images_per_s = static_cast<double>(pace_.images) / seconds,
                              .data_wait_share = pace_.waited / seconds,
                              .peak_memory_mb = peak_memory_mb()};
    for (TrainingObserver* observer : observers_) {
      observer->on_evaluation(*evaluation_, timing, is_best);
      observer->on_model(position_.step, learner_.model());
    }
    pace_ = {};
  }
  if (is_epoch_over(position_, config_.data, samples_)) {
    epoch_updates_.clear();
    ++position_.epoch;
    position_.batch = 0;
    position_.offset = 0;
  }
  if (evaluation_ && !is_last && out_of_patience()) {
    say(fmt::format(
        "no better one for {}: the run ends here (train.patience); the best was epoch {}",
        plural(best_.waited(), "evaluation"), best_.best()->epoch));
  }
  gather_warnings();
  save(is_best);
  return true;
}

void Trainer::save(bool is_best) {
  learner_.gather_state();
  if (!ranks_.leads()) return;
  for (TrainingObserver* observer : observers_) observer->sync();
  const auto measured = [&](const std::optional<EvaluationRecord>& record) {
    return record ? std::optional(best_.measure(*record)) : std::nullopt;
  };
  const CheckpointData data{.meta = {.step = position_.step,
                                     .epoch = position_.epoch,
                                     .samples_in_epoch = position_.images(config_.data.batch_size),
                                     .ended = position_.step < position_.total && finished(),
                                     .metric = measured(evaluation_),
                                     .best_metric = measured(best_.best()),
                                     .config = to_yaml(config_)},
                            .model = learner_.evaluated(),
                            .state = learner_.state()};
  save_checkpoint(checkpoints_, data, is_best);
  for (TrainingObserver* observer : observers_) observer->on_checkpoint(position_.step);
}

}  // namespace tessera
