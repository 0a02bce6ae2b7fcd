// The sum of one tensor over all ranks, step by step.
#pragma once

#include <mpi.h>

#include <vector>

#include "core/tensor.h"
#include "distributed/communicator.h"

namespace tessera {

/// The parts of `count` values by the rank that adds them up, as MPI takes them.
struct Parts {
  Parts(std::int64_t count, int size);

  std::vector<int> counts, places;
};

/// Each rank adds up one part of the values, in the order of the ranks, and hands it to all if
/// asked to: on the wire as much as a ring takes, 2 (N - 1) / N of the values, and the same bits
/// whatever library carries them.
class RankSum {
 public:
  /// Begins on `spread`, f32 values. All ranks begin their sums in the same order.
  RankSum(const Tensor& values, DType wire, SumGoesTo place, MPI_Comm spread);
  RankSum(const RankSum&) = delete;
  RankSum& operator=(const RankSum&) = delete;

  /// The parts of all ranks have come.
  bool has_parts();

  /// Then adds them, and if they go to all begins to hand them out, on `collect`; likewise in the
  /// same order.
  void add(MPI_Comm collect);

  /// After add(): the sums are in the values.
  bool is_done();

 private:
  Tensor values_;
  DType wire_;
  SumGoesTo place_;
  int rank_ = 0, size_ = 0;
  Parts split_;
  std::vector<int> send_counts_, part_counts_, part_places_;
  Tensor sent_;   ///< the values as they travel
  Tensor parts_;  ///< [size, part]: this rank's part of everybody's values
  bool done_ = false;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

}  // namespace tessera
