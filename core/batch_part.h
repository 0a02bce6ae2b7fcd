// A batch that several processes share: what an op must know that looks at all of its samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera {

/// The processes that work on one batch together, seen from one of them. All of them make the same
/// calls in the same order.
class Peers {
 public:
  virtual ~Peers() = default;

  virtual int size() const = 0;

  /// What each of them gives, one after the other, in the same order everywhere: [size * count].
  virtual std::vector<double> gather(std::span<const double> mine) = 0;

  /// Sums over all of them, in that order.
  std::vector<double> sum(std::span<const double> mine) {
    const std::vector<double> all = gather(mine);
    std::vector<double> sums(mine.size());
    for (std::size_t i = 0; i < all.size(); ++i) sums[i % mine.size()] += all[i];
    return sums;
  }
};

/// What of a batch is here. A loss is the part that the samples here have in the mean over the
/// whole batch, so that losses and gradients of all parts are added, not averaged.
struct BatchPart {
  Peers* peers = nullptr;                  ///< none: the whole batch is here
  std::int64_t whole = 0;                  ///< samples of the whole batch, if there are peers
  std::span<const std::int64_t> places{};  ///< of the samples here within the whole batch

  /// Samples of the whole batch if `here` of them are here.
  std::int64_t samples(std::int64_t here) const { return peers == nullptr ? here : whole; }

  std::int64_t place(std::int64_t sample) const {
    return places.empty() ? sample : places[static_cast<std::size_t>(sample)];
  }
};

}  // namespace tessera
