// What a task makes of a backbone's maps: the one interface of all heads.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "layers/backbone.h"

namespace tessera {

/// The map of a stage.
struct MapShape {
  Size2 map{};  ///< tokens
  std::int64_t channels = 0;
};

/// What a head takes an image; known before any memory is taken.
struct HeadPlan {
  std::int64_t macs = 0;            ///< multiply-adds
  std::int64_t auxiliary_macs = 0;  ///< those among them of what is trained along and then left out
  std::int64_t saved = 0;           ///< values that a training step saves, beside the maps it reads
  std::int64_t largest = 0;         ///< values of its largest weight of a convolution

  HeadPlan& operator+=(const HeadPlan& other) {
    macs += other.macs;
    auxiliary_macs += other.auxiliary_macs;
    saved += other.saved;
    largest = std::max(largest, other.largest);
    return *this;
  }
};

class Head {
 public:
  virtual ~Head() = default;

  /// The maps that it reads.
  virtual StageOutputs reads() const = 0;

  /// Of an image of any size, whose maps of all stages are `maps`.
  virtual HeadPlan plan(std::span<const MapShape> maps, Size2 image) const = 0;

  /// The maps of all stages of images of size `image` -> what a task's loss and metrics read.
  virtual std::vector<Var> forward(Tape& tape, std::span<const StageMap> maps, Size2 image) = 0;

  virtual void visit(ParameterVisitor& visitor) = 0;
};

}  // namespace tessera
