// What a network learns and how good it is at it: the one interface of all tasks.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/tape.h"
#include "data/loader.h"
#include "tasks/meter_state.h"
#include "tasks/metric.h"

namespace tessera {

/// Counts over the samples seen so far; exact sums, so that the order of batches does not matter.
class Meter {
 public:
  virtual ~Meter() = default;

  /// `outputs` of the model, f32, for `batch`.
  virtual void add(std::span<const Tensor> outputs, const Batch& batch) = 0;

  /// Takes in what `other`, a meter of the same kind, has seen.
  virtual void merge(const Meter& other) = 0;

  /// Hands all that was counted to `state`, or takes it over.
  virtual void exchange(MeterState& state) = 0;

  /// In the order in which they are shown, the main one first after the loss.
  virtual Metrics values() const = 0;
};

class Task {
 public:
  virtual ~Task() = default;

  /// What a data set must say of an image; nothing if images alone will do.
  virtual std::optional<TargetKind> targets() const = 0;

  /// Targets for the images of `batch` that teach nothing: for measuring speed.
  virtual void draw_targets(Batch& batch, Rng& rng) const = 0;

  /// The mean loss of a batch, one element. Throws as the loss' ops do.
  virtual Var loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const = 0;

  /// Image `i` of a batch, whose pixels are `photo` with 3 channels, for people to look at: with
  /// the truth drawn on it, then with what `outputs` say; of every image as many pictures. Nothing
  /// where there is nothing to draw. `normalization` is that of the batch.
  virtual std::vector<Image> draw(const Image& /*photo*/, std::span<const Tensor> /*outputs*/,
                                  const Batch& /*batch*/, std::int64_t /*i*/,
                                  const Normalization& /*normalization*/) const {
    return {};
  }

  /// What is shown of each update beside its loss: as cheap as that allows.
  virtual std::unique_ptr<Meter> training_meter() const = 0;

  /// What an evaluation finds out.
  virtual std::unique_ptr<Meter> evaluation_meter() const = 0;
};

}  // namespace tessera
