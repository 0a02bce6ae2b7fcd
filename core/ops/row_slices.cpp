#include "core/ops/row_slices.h"

#include "core/kernels/element.h"
#include "core/ops/elementwise.h"

namespace tessera {
namespace {

// Measured: products of 512 rows run as fast as whole ones, and their operands stay in the second
// level cache together with weights of this size.
constexpr std::int64_t kSliceRows = 512;
constexpr std::int64_t kMaxWeightElements = 192 * 768;

template <typename T>
TESSERA_KERNEL void add_rows(const T* values, std::int64_t rows, std::int64_t columns,
                             float* sums) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* line = values + row * columns;
#pragma omp simd
    for (std::int64_t j = 0; j < columns; ++j) sums[j] += load(line[j]);
  }
}

}  // namespace

RowSlices plan_row_slices(std::int64_t rows, std::int64_t weight_elements) {
  if (weight_elements > kMaxWeightElements || rows < 2 * kSliceRows) return {rows, rows, 1};
  return {rows, kSliceRows, num_parts(rows, kSliceRows)};
}

PartialSums::PartialSums(const GradSink& sink, int parts) : sink_(sink) {
  if (!sink_) return;
  started_.assign(static_cast<std::size_t>(parts), 0);
  started_[0] = sink_.accumulate ? 1 : 0;
  if (parts > 1) others_ = Tensor::empty({parts - 1, sink_.grad.numel()});
}

float* PartialSums::target(int part) const {
  return part == 0 ? sink_.grad.f32() : others_.f32() + (part - 1) * sink_.grad.numel();
}

bool PartialSums::accumulate(int part) {
  return std::exchange(started_[static_cast<std::size_t>(part)], std::uint8_t{1}) != 0;
}

void PartialSums::reduce() const {
  if (!others_) return;
  for (std::int64_t part = 0; part < others_.dim(0); ++part) {
    add_into(sink_.grad, others_.slice(part * others_.dim(1), sink_.grad.shape()));
  }
}

void column_sums(const Tensor& matrix, std::int64_t begin, std::int64_t count, float* sums,
                 bool accumulate) {
  constexpr std::int64_t kGrain = 256;
  const std::int64_t columns = matrix.dim(-1);
  if (!accumulate) std::fill_n(sums, columns, 0.0f);
  with_element_type(matrix.dtype(), [&](auto element) {
    using T = decltype(element);
    const T* rows = matrix.data<T>() + begin * columns;
    const int parts = num_parts(count, kGrain);
    if (parts == 1) {
      add_rows(rows, count, columns, sums);
      return;
    }
    const Tensor partial = Tensor::zeros({parts, columns});
    parallel_parts(count, kGrain, [&](int part, std::int64_t first, std::int64_t last) {
      add_rows(rows + first * columns, last - first, columns, partial.f32() + part * columns);
    });
    add_rows(partial.f32(), parts, columns, sums);
  });
}

}  // namespace tessera
