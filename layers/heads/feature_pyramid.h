// One width for the maps of all stages, and what is coarse handed down to what is fine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "layers/conv2d.h"
#include "layers/heads/head.h"

namespace tessera {

/// A feature pyramid, arXiv:1612.03144: each map mapped to `channels`, the coarser level added to
/// the next finer one by nearest neighbours, a 3 x 3 convolution on each sum. Coarser levels are
/// convolutions of stride 2: the first of the coarsest level (arXiv:1904.01355) or of the coarsest
/// map (arXiv:1708.02002), the others of the ReLU of the level before.
class FeaturePyramid {
 public:
  struct Extra {
    std::int64_t count = 0;
    bool from_map = false;  ///< the first is of the coarsest map
  };

  /// `in_channels` are those of the maps, fine to coarse.
  FeaturePyramid(const std::vector<std::int64_t>& in_channels, std::int64_t channels,
                 const Extra& extra);

  /// maps [B, h_i, w_i, C_i], fine to coarse -> as many levels [B, h_i, w_i, channels] and the
  /// extra ones, each [B, ceil(h / 2), ceil(w / 2), channels] of the one before.
  std::vector<Var> forward(Tape& tape, std::span<const Var> maps);

  /// Sizes of all levels by those of the maps.
  std::vector<Size2> sizes(std::span<const Size2> maps) const;

  HeadPlan plan(std::span<const Size2> maps) const;

  void visit(ParameterVisitor& visitor);

 private:
  std::vector<Conv2d> laterals_;
  std::vector<Conv2d> smooths_;
  std::vector<Conv2d> extras_;
  bool from_map_;
};

}  // namespace tessera
