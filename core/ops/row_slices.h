// How matrix products over many rows share threads and caches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "core/tape.h"

namespace tessera {

/// The rows of an activation, cut into slices: where weights are small, each thread takes slices of
/// its own and carries them through several products while they are in its cache; where weights are
/// large, there is one slice, and all threads work on each product of it.
struct RowSlices {
  std::int64_t rows = 0;
  std::int64_t slice = 0;  ///< rows of a slice; the last of a part may have fewer
  int parts = 1;           ///< threads with slices of their own

  bool is_whole() const { return slice == rows; }
};

/// For products with weights of `weight_elements` elements.
RowSlices plan_row_slices(std::int64_t rows, std::int64_t weight_elements);

/// Calls `body(part, begin, count)` for every slice; slices of one part come in order.
template <typename Body>
void for_each_slice(const RowSlices& slices, Body&& body) {
  if (slices.is_whole()) {
    body(0, std::int64_t{0}, slices.rows);
    return;
  }
  parallel_parts(slices.rows, slices.slice, [&](int part, std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; row += slices.slice) {
      body(part, row, std::min(slices.slice, end - row));
    }
  });
}

/// A gradient that several parts add up: each in a buffer of its own, then in the order of parts.
class PartialSums {
 public:
  /// f32. An empty sink makes empty sums.
  PartialSums(const GradSink& sink, int parts);

  explicit operator bool() const { return static_cast<bool>(sink_); }

  float* target(int part) const;

  /// Whether the next addition of `part` finds a sum to add to, or garbage to overwrite.
  bool accumulate(int part);

  /// Adds the parts to the sink.
  void reduce() const;

 private:
  GradSink sink_;
  Tensor others_;                      // [parts - 1, numel]
  std::vector<std::uint8_t> started_;  // by part
};

/// Adds to `sums` [C], or overwrites it with, the column sums of rows [begin, begin + count) of
/// `matrix` [..., C], f32 or bf16.
void column_sums(const Tensor& matrix, std::int64_t begin, std::int64_t count, float* sums,
                 bool accumulate);

/// The address of `row` of a tensor seen as a matrix [rows, last dimension].
inline std::byte* row_of(const Tensor& tensor, std::int64_t row) {
  return static_cast<std::byte*>(tensor.raw()) +
         row * tensor.dim(-1) * static_cast<std::int64_t>(size_of(tensor.dtype()));
}

}  // namespace tessera
