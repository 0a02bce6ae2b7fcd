// Learning from images alone: what was hidden of them is filled in. SimMIM, arXiv:2111.09886.
#pragma once

#include <array>
#include <vector>

#include "layers/model_config.h"
#include "tasks/task.h"

namespace tessera {

/// The head puts out what PixelOutput says.
class Simmim final : public Task {
 public:
  explicit Simmim(const ModelConfig& model);

  /// Images of any data set will do.
  std::optional<TargetKind> targets() const override { return std::nullopt; }
  void draw_targets(Batch&, Rng&) const override {}

  /// The mean distance of hidden pixels from the normalised images: see ops::hidden_l1.
  Var loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const override;

  /// The image, what the model saw of it, and that with the hidden squares filled in.
  std::vector<Image> draw(const Image& photo, std::span<const Tensor> outputs, const Batch& batch,
                          std::int64_t i, const Normalization& normalization) const override;

  /// `explained`
  std::unique_ptr<Meter> training_meter() const override;

  /// A FillingMeter.
  std::unique_ptr<Meter> evaluation_meter() const override;

 private:
  std::int64_t side_;  ///< of hidden squares, pixels
};

/// How near filled in pixels come to those that were hidden; of values as the model sees them,
/// normalised.
class FillingMeter final : public Meter {
 public:
  /// `side` of hidden squares, pixels; without `with_loss` it leaves the loss out.
  explicit FillingMeter(std::int64_t side, bool with_loss = true)
      : side_(side), with_loss_(with_loss) {}

  void add(std::span<const Tensor> outputs, const Batch& batch) override;
  void merge(const Meter& other) override;
  void exchange(MeterState& state) override;

  /// `loss`: mean distance of hidden values; `explained`: share of their variance that is
  /// explained, 1 - sum((x - filled)^2) / sum((x - mean)^2), 0 for one colour everywhere; worse is
  /// below.
  Metrics values() const override;

  std::int64_t samples() const { return samples_; }

 private:
  std::int64_t side_;
  bool with_loss_;
  std::int64_t samples_ = 0;
  std::int64_t count_ = 0;  ///< of hidden values
  ExactSum distance_, error_, sum_, square_;
};

}  // namespace tessera
