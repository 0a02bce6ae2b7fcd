// Batches of a data set, prepared ahead by worker threads in an order that depends on nothing but
// the seed and the epoch.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "data/batch.h"
#include "data/dataset.h"
#include "data/dense_transform.h"
#include "data/share.h"
#include "data/transform.h"

namespace tessera {

struct LoaderOptions {
  std::int64_t batch_size = 128;
  bool shuffle = false;
  Sampler sampler = Sampler::kShuffled;  ///< of a shuffled epoch; others need a class an image
  AugmentConfig augment;                 ///< all off: images are only fitted and normalised
  ResizeConfig resize;
  Normalization normalization;
  OnError on_error = OnError::kFail;
  std::uint64_t seed = 0;
  int workers = 1;                 ///< threads; 0: next() prepares the batch itself
  bool drop_last = false;          ///< leave out an incomplete last batch
  std::int64_t size_multiple = 1;  ///< dense: of the sides of a batch
  bool originals = false;          ///< dense: also the targets of the images as they are stored
  Share share{};                   ///< of several processes that load the same batches together
};

/// The batches of an epoch are the same bits for any number of workers and any batch to start
/// from: the order is drawn from (seed, epoch), the augmentation of a sample from (seed, epoch,
/// its index in the data set, its repetition), mixing from (seed, epoch, batch). With `repeats` r
/// an epoch shows a part 1/r of the samples r times, one after the other: as many images as
/// without. Images of a data set with masks or boxes keep their aspect; a batch of them is as large
/// as the largest, and not smaller than a crop. A sample that cannot be read is an error, or is
/// skipped: with drop_last the next one of the epoch stands in for it, so that every batch is full,
/// else its batch is so much smaller. Of several processes (`share`) each decodes its share alone;
/// parts of batches go with drop_last. The data set must outlive the loader. One thread calls the
/// methods.
class Loader {
 public:
  /// Throws ConfigError for options that cannot be meant, DataError for an empty data set.
  Loader(const Dataset& dataset, const LoaderOptions& options);
  ~Loader();

  /// Begins an epoch (from 0) at batch `first_batch`, dropping what is left of the one before. The
  /// first `offset` images of the epoch, fewer than a batch, come before batch 0: so an epoch that
  /// began in batches of another size goes on at the image where it was left.
  /// Throws ConfigError if the epoch has no such batch (one past the last is allowed).
  void start_epoch(std::int64_t epoch, std::int64_t first_batch = 0, std::int64_t offset = 0);

  /// Moves the next batch into `batch`; false, and an empty batch, at the end of the epoch and
  /// before the first start_epoch. An error in a worker is thrown here and ends the epoch.
  bool next(Batch& batch);

  static constexpr std::int64_t kDepth = 4;  ///< batches that workers prepare ahead

  /// That this process loads, whole or in part.
  std::int64_t batches_per_epoch() const { return batches_; }

  /// Since the last call: samples skipped for the first time, and warnings of the data set.
  std::vector<std::string> take_warnings();

  /// Seconds next() has kept its caller waiting since construction.
  double waited_seconds() const { return waited_seconds_; }

 private:
  struct Epoch {
    std::int64_t number = 0;
    std::int64_t offset = 0;           ///< images before the first batch
    std::vector<std::uint32_t> order;  ///< sample indices
    std::vector<std::uint32_t> times;  ///< how often each was there before; empty: never
  };
  struct Loaded {
    std::uint32_t index;
    ImageView image;
    Target target;  ///< of dense data sets
  };
  struct Slot {
    Batch batch;
    std::exception_ptr error;
    bool ready = false;
  };

  void work(const std::stop_token& stop);
  Slot prepare(const Epoch& epoch, std::int64_t index) const;
  Batch collate(const Epoch& epoch, std::int64_t index) const;
  Batch collate_dense(const Epoch& epoch, std::int64_t index) const;
  std::int64_t most() const { return static_cast<std::int64_t>(places_.size()); }
  std::int64_t global(std::int64_t index) const;
  std::vector<std::int64_t> images_of(const Epoch& epoch, std::int64_t index) const;
  void finish(std::int64_t index, std::vector<std::int64_t> samples, Batch& batch) const;
  std::size_t place_of(std::int64_t i) const;
  Rng draws_of(const Epoch& epoch, std::int64_t i) const;
  std::optional<Loaded> read(std::uint32_t sample, Image& buffer) const;
  std::optional<Loaded> readable(const Epoch& epoch, std::size_t place, Image& buffer) const;
  void mix(const Epoch& epoch, Batch& batch) const;
  Slot take();
  void reserve() const;
  Shape image_shape(std::int64_t count) const;

  const Dataset& dataset_;
  LoaderOptions options_;
  Transform transform_;
  std::optional<DenseTransform> dense_;  ///< where targets are masks or boxes
  bool augments_ = false;
  std::vector<double> sampling_;  ///< see expected_shows; empty: each sample once
  std::int64_t batches_ = 0;
  std::vector<std::int64_t> places_;  ///< of each batch's images that are loaded here
  double waited_seconds_ = 0.0;

  mutable std::mutex broken_mutex_;                   ///< guards these two
  mutable std::unordered_set<std::uint32_t> broken_;  ///< samples that cannot be read
  mutable std::vector<std::string> warnings_;         ///< not yet taken

  std::mutex mutex_;  ///< guards everything below
  std::condition_variable_any room_;
  std::condition_variable_any ready_;
  std::shared_ptr<const Epoch> epoch_;
  std::array<Slot, kDepth> slots_;  ///< batch i waits in slot i % kDepth
  std::int64_t delivered_ = 0;      ///< next batch to hand out
  std::int64_t claimed_ = 0;        ///< next batch to prepare, at most delivered_ + kDepth
  std::int64_t end_ = 0;
  std::vector<std::jthread> workers_;  ///< last: stopped and joined before what they use goes
};

}  // namespace tessera
