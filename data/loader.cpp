#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <span>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "data/sampling.h"

namespace tessera {
namespace {

/// Fisher-Yates: every order is equally likely.
void shuffle(std::span<std::uint32_t> order, Rng rng) {
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[rng.below(static_cast<std::uint32_t>(i))]);
  }
}

const LoaderOptions& checked(const Dataset& dataset, const LoaderOptions& options) {
  if (dataset.size() == 0) fail<DataError>("[loader] {} has no samples", dataset.name());
  if (options.batch_size < 1) fail<ConfigError>("[loader] batch_size {} < 1", options.batch_size);
  if (options.augment.repeats < 1) {
    fail<ConfigError>("[loader] repeats {} < 1", options.augment.repeats);
  }
  if (options.size_multiple < 1) {
    fail<ConfigError>("[loader] size_multiple {} < 1", options.size_multiple);
  }
  if (dataset.target_kind() != TargetKind::kClass && options.augment.mixes()) {
    fail<ConfigError>("[loader] mixup and cutmix are for data sets with a class an image");
  }
  if (options.sampler != Sampler::kShuffled && dataset.target_kind() != TargetKind::kClass) {
    fail<ConfigError>("[loader] data.sampler: is for data sets with a class an image");
  }
  if (options.share.ranks > 1 && options.share.of_each_batch && !options.drop_last) {
    fail<ConfigError>("[loader] a batch that may be incomplete cannot be shared");
  }
  if (options.workers < 0) fail<ConfigError>("[loader] workers {} < 0", options.workers);
  if (options.drop_last && options.batch_size > dataset.size()) {
    fail<ConfigError>("[loader] batch_size {} with drop_last leaves none of {} samples",
                      options.batch_size, dataset.size());
  }
  return options;
}

}  // namespace

Loader::Loader(const Dataset& dataset, const LoaderOptions& options)
    : dataset_(dataset),
      options_(checked(dataset, options)),
      transform_(dataset.image(), options.normalization, options.augment, options.resize),
      augments_(options.augment.changes_images()) {
  const std::int64_t rounding = options_.drop_last ? 0 : options_.batch_size - 1;
  batches_ = (dataset.size() + rounding) / options_.batch_size;
  if (options_.shuffle && options_.sampler != Sampler::kShuffled) {
    std::vector<std::int64_t> classes;
    for (std::int64_t i = 0; i < dataset.size(); ++i) classes.push_back(dataset.label(i));
    sampling_ = expected_shows(classes, options_.sampler);
  }
  const Share& share = options_.share;
  if (share.of_each_batch) {
    places_ = places_of(share, options_.batch_size, options_.augment.mixes());
  } else {
    places_ = places_of({}, options_.batch_size, false);
    batches_ = (batches_ - share.rank + share.ranks - 1) / share.ranks;
  }
  if (dataset.target_kind() != TargetKind::kClass) {
    dense_.emplace(dataset.image(), options_.normalization, options_.augment, options_.resize);
  } else {
    reserve();
  }
  for (int i = 0; i < options_.workers; ++i) {
    try {
      workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    } catch (const std::system_error& error) {
      fail<DataError>(
          "[loader] thread {} of data.workers {} cannot be started ({}): lower data.workers, or "
          "raise the limit of processes and threads (ulimit -u)",
          i + 1, options_.workers, error.code().message());
    }
  }
}

/// All that will ever be alive at once is taken from the pool: it grows no more later.
void Loader::reserve() const {
  std::vector<Tensor> reserved;
  for (std::int64_t i = 0; i < (options_.workers > 0 ? kDepth + 1 : 1); ++i) {
    reserved.push_back(Tensor::empty(image_shape(most())));
    reserved.push_back(Tensor::empty({most()}, DType::kI32));
    if (options_.augment.mixes()) reserved.push_back(reserved.back().clone());
  }
}

Loader::~Loader() {
  for (std::jthread& worker : workers_) worker.request_stop();
}

void Loader::start_epoch(std::int64_t epoch, std::int64_t first_batch, std::int64_t offset) {
  if (offset < 0 || offset >= options_.batch_size || (offset > 0 && !options_.drop_last)) {
    fail<ConfigError>("[loader] offset {}: must be below batch_size {}, with drop_last", offset,
                      options_.batch_size);
  }
  const std::int64_t whole = (dataset_.size() - offset) / options_.batch_size;
  const std::int64_t batches = offset == 0 ? batches_ : std::min(batches_, whole);
  if (epoch < 0 || first_batch < 0 || first_batch > batches) {
    fail<ConfigError>("[loader] batch {} of epoch {}: an epoch has {} batches", first_batch, epoch,
                      batches);
  }
  auto next_epoch = std::make_shared<Epoch>();
  next_epoch->number = epoch;
  next_epoch->offset = offset;
  next_epoch->order.resize(static_cast<std::size_t>(dataset_.size()));
  std::iota(next_epoch->order.begin(), next_epoch->order.end(), 0u);
  if (!sampling_.empty()) {
    next_epoch->order = sample_by(
        sampling_, Rng(options_.seed, Stream::kShuffle, static_cast<std::uint64_t>(epoch), 1));
  }
  if (options_.shuffle) {
    shuffle(next_epoch->order,
            Rng(options_.seed, Stream::kShuffle, static_cast<std::uint64_t>(epoch), 0));
  }
  if (!sampling_.empty()) next_epoch->times = times_before(next_epoch->order);
  {
    const std::lock_guard lock(mutex_);
    epoch_ = std::move(next_epoch);
    slots_ = {};
    delivered_ = first_batch;
    claimed_ = first_batch;
    end_ = batches;
  }
  room_.notify_all();
}

bool Loader::next(Batch& batch) {
  batch = Batch{};
  while (!batch.images) {                  // a batch none of whose samples can be read is none
    if (delivered_ == end_) return false;  // no other thread writes either
    const auto begin = std::chrono::steady_clock::now();
    Slot slot = take();
    waited_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (slot.error) std::rethrow_exception(slot.error);
    batch = std::move(slot.batch);
  }
  return true;
}

std::vector<std::string> Loader::take_warnings() {
  std::vector<std::string> warnings = dataset_.take_warnings();
  const std::lock_guard lock(broken_mutex_);
  warnings.insert(warnings.end(), warnings_.begin(), warnings_.end());
  warnings_.clear();
  return warnings;
}

Loader::Slot Loader::take() {
  std::unique_lock lock(mutex_);
  Slot slot;
  if (workers_.empty()) {
    slot = prepare(*epoch_, delivered_);
  } else {
    Slot& waiting = slots_[static_cast<std::size_t>(delivered_ % kDepth)];
    ready_.wait(lock, [&] { return waiting.ready; });
    slot = std::exchange(waiting, Slot{});
  }
  ++delivered_;
  if (slot.error) end_ = delivered_;
  lock.unlock();
  room_.notify_one();
  return slot;
}

void Loader::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    room_.wait(lock, stop, [&] { return claimed_ < std::min(end_, delivered_ + kDepth); });
    if (stop.stop_requested()) return;
    const std::int64_t index = claimed_++;
    const std::shared_ptr<const Epoch> epoch = epoch_;
    lock.unlock();
    Slot slot = prepare(*epoch, index);
    lock.lock();
    if (epoch != epoch_) continue;  // another epoch has begun meanwhile
    slots_[static_cast<std::size_t>(index % kDepth)] = std::move(slot);
    ready_.notify_one();
  }
}

Loader::Slot Loader::prepare(const Epoch& epoch, std::int64_t index) const {
  Slot slot;
  slot.ready = true;
  try {
    slot.batch = dense_ ? collate_dense(epoch, index) : collate(epoch, index);
  } catch (...) {
    slot.error = std::current_exception();
  }
  return slot;
}

}  // namespace tessera
