// The gradients of all ranks, added while the backward pass still runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/parameter.h"
#include "core/tape.h"
#include "distributed/communicator.h"

namespace tessera {

/// The flat buffer of gradients in buckets, from its end to its start, which is about the order in
/// which the backward pass completes it. A bucket's sum begins once all of its gradients are
/// complete and those of the buckets before it have begun: in the same order on all ranks. Goyal
/// et al., arXiv:1706.02677 section 4; Li et al., arXiv:2006.15704 section 3.2. Towards its end,
/// which is the start of the buffer, buckets have half of what is left: the less is there, the less
/// is left to wait for behind the pass.
class GradientSum final : public GradientListener {
 public:
  /// Floats that the last bucket, which the pass cannot hide, and those before it have at least.
  static constexpr std::int64_t kLeast = 1 << 14;

  /// Floats that a bucket of so many gradients has at least: few messages, but several also of a
  /// small model.
  static std::int64_t bucket_for(std::int64_t gradients) {
    return std::clamp<std::int64_t>(gradients / 8, kLeast, 1 << 20);
  }

  /// Of `store`, which must stay; `wire` and `place` as for Communicator::start_sum, of each
  /// bucket. What is frozen now is never waited for. `bucket` 0 is bucket_for().
  GradientSum(const ParameterStore& store, Communicator& ranks, DType wire, SumGoesTo place,
              std::int64_t bucket = 0);

  /// Before the last backward pass of an update.
  void begin();

  void on_gradient(Parameter& parameter) override;
  void on_step() override { ranks_.progress(); }

  /// After it: sums what is not yet summed, and waits for all. Gradients that no pass has reached
  /// must be zeros by now.
  void finish();

  std::size_t buckets() const { return buckets_.size(); }

  /// What of the flat buffer this rank adds up, in order: its parts of all buckets.
  std::vector<ElementRange> own_parts() const;

  /// Gives all ranks each one's own_parts() of `flat`, which is as long as the buffer of gradients.
  void exchange_parts(const Tensor& flat) const;

 private:
  struct Bucket {
    std::int64_t offset;  ///< in the flat buffer
    Tensor values;
    int parameters = 0;  ///< that are learned
    int missing = 0;     ///< of them, not yet complete
  };

  void start_complete();

  Communicator& ranks_;
  DType wire_;
  SumGoesTo place_;
  std::vector<Bucket> buckets_;
  std::unordered_map<const Parameter*, std::size_t> bucket_of_;
  std::size_t started_ = 0;
};

}  // namespace tessera
