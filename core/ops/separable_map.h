// Linear maps of feature maps that act on rows and on columns by themselves: resizing, and pooling
// into a grid.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/tape.h"

namespace tessera {

/// A sparse matrix along one axis: place i of the output is the sum of `weight * input[place]` over
/// the taps [first[i], first[i + 1]).
struct AxisMap {
  struct Tap {
    std::int64_t place = 0;
    float weight = 0.0f;
  };

  std::int64_t in = 0;
  std::vector<std::int64_t> first{0};
  std::vector<Tap> taps;

  std::int64_t out() const { return static_cast<std::int64_t>(first.size()) - 1; }

  /// Appends a tap of the place that `end_place` will finish.
  void add(std::int64_t place, float weight) { taps.push_back({place, weight}); }
  void end_place() { first.push_back(static_cast<std::int64_t>(taps.size())); }
};

/// The matrix the other way round, for gradients.
AxisMap transposed(const AxisMap& map);

/// y[b, i, j, c] = sum over rows p and columns q of rows[i, p] columns[j, q] x[b, p, q, c].
/// x [B, H, W, C] f32 or bf16 -> [B, H', W', C] of the dtype of x; sums are f32, and the same bits
/// for any number of threads. `name` is the op's.
Var apply_separable(Tape& tape, const char* name, const Var& x, const AxisMap& rows,
                    const AxisMap& columns);

}  // namespace tessera
