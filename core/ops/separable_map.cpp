#include "core/ops/separable_map.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "core/kernels/element.h"

namespace tessera {
namespace {

using Tap = AxisMap::Tap;
using Taps = std::span<const Tap>;

Taps taps_of(const AxisMap& map, std::int64_t place) {
  const auto at = static_cast<std::size_t>(place);
  return Taps(map.taps).subspan(static_cast<std::size_t>(map.first[at]),
                                static_cast<std::size_t>(map.first[at + 1] - map.first[at]));
}

// Pixels are read and written in whole vectors. What a write puts beyond its pixel is overwritten
// by the next one; the last needs room.
constexpr std::int64_t kLanes = 16;
using Floats [[gnu::vector_size(kLanes * sizeof(float))]] = float;

// A tile of pixels stays in the first cache between its sums and its rounding.
constexpr std::int64_t kTileFloats = 4096;

// sum[k] = sum of weight * x[place * step + k] over the taps.
template <typename T>
TESSERA_KERNEL void sum_rows(const Tap* taps, std::int64_t count, const T* x, std::int64_t step,
                             std::int64_t columns, float* sum) {
  for (std::int64_t t = 0; t < count; ++t) {
    const T* row = x + taps[t].place * step;
    const float weight = taps[t].weight;
    if (t == 0) {
#pragma omp simd
      for (std::int64_t k = 0; k < columns; ++k) sum[k] = weight * load(row[k]);
    } else {
#pragma omp simd
      for (std::int64_t k = 0; k < columns; ++k) sum[k] += weight * load(row[k]);
    }
  }
}

// Pixels [begin, end) of a row, from pixels x [W, channels] with room behind them.
TESSERA_KERNEL void sum_pixels(const std::int64_t* first, const Tap* taps, const float* x,
                               std::int64_t channels, std::int64_t begin, std::int64_t end,
                               float* sums) {
  for (std::int64_t j = begin; j < end; ++j, sums += channels) {
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      Floats sum = {};
      for (std::int64_t t = first[j]; t < first[j + 1]; ++t) {
        Floats values;
        std::memcpy(&values, x + taps[t].place * channels + c, sizeof(values));
        sum += taps[t].weight * values;
      }
      std::memcpy(sums + c, &sum, sizeof(sum));
    }
  }
}

template <typename T>
TESSERA_KERNEL void finish(const float* sums, std::int64_t count, bool accumulate, T* y) {
  if (accumulate) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) store(y[i], load(y[i]) + sums[i]);
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) store(y[i], sums[i]);
  }
}

/// Rows first: they are long, whatever the number of channels.
void apply(const Tensor& x, const AxisMap& rows, const AxisMap& columns, bool accumulate,
           const Tensor& y) {
  const std::int64_t channels = x.dim(3), in_row = x.dim(2) * channels;
  const std::int64_t out_rows = rows.out(), out_columns = columns.out();
  const std::int64_t tile = std::max<std::int64_t>(1, kTileFloats / std::max(channels, kLanes));
  const std::int64_t count = x.dim(0) * out_rows;
  const std::int64_t grain = row_grain(2 * (in_row + out_columns * channels));
  const std::int64_t row_floats = in_row + kLanes, tile_floats = tile * channels + kLanes;
  // Zeros, for lanes beyond the last pixel are read too.
  const Tensor buffer = Tensor::zeros({num_parts(count, grain), row_floats + tile_floats});
  with_element_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_parts(count, grain, [&](int part, std::int64_t begin, std::int64_t end) {
      float* const row = buffer.f32() + part * buffer.dim(1);
      float* const sums = row + row_floats;
      for (std::int64_t at = begin; at < end; ++at) {
        const Taps taps = taps_of(rows, at % out_rows);
        const T* image = x.data<T>() + at / out_rows * x.dim(1) * in_row;
        if (taps.empty()) std::fill_n(row, in_row, 0.0f);
        sum_rows(taps.data(), static_cast<std::int64_t>(taps.size()), image, in_row, in_row, row);
        T* to = y.data<T>() + at * out_columns * channels;
        for (std::int64_t j = 0; j < out_columns; j += tile) {
          const std::int64_t stop = std::min(out_columns, j + tile);
          sum_pixels(columns.first.data(), columns.taps.data(), row, channels, j, stop, sums);
          finish(sums, (stop - j) * channels, accumulate, to + j * channels);
        }
      }
    });
  });
}

OpCost cost_of(const Tensor& x, const Tensor& y, const AxisMap& rows, const AxisMap& columns) {
  const auto taps = [](const AxisMap& map) { return 2.0 * static_cast<double>(map.taps.size()); };
  const auto images = static_cast<double>(x.dim(0) * x.dim(3));
  return {images * (taps(rows) * static_cast<double>(x.dim(2)) +
                    taps(columns) * static_cast<double>(y.dim(1))),
          static_cast<double>(x.bytes() + y.bytes())};
}

}  // namespace

AxisMap transposed(const AxisMap& map) {
  AxisMap result;
  result.in = map.out();
  result.first.assign(static_cast<std::size_t>(map.in) + 1, 0);
  for (const Tap& tap : map.taps) ++result.first[static_cast<std::size_t>(tap.place) + 1];
  for (std::size_t i = 1; i < result.first.size(); ++i) result.first[i] += result.first[i - 1];
  result.taps.resize(map.taps.size());
  std::vector<std::int64_t> next(result.first.begin(), result.first.end() - 1);
  for (std::int64_t i = 0; i < map.out(); ++i) {
    for (const Tap& tap : taps_of(map, i)) {
      const std::int64_t at = next[static_cast<std::size_t>(tap.place)]++;
      result.taps[static_cast<std::size_t>(at)] = {i, tap.weight};
    }
  }
  return result;
}

Var apply_separable(Tape& tape, const char* name, const Var& x, const AxisMap& rows,
                    const AxisMap& columns) {
  Tensor y = Tensor::empty({x.dim(0), rows.out(), columns.out(), x.dim(3)},
                           x.value.dtype());  // [B, H', W', C]
  OpScope op(tape, name, cost_of(x.value, y, rows, columns));
  apply(x.value, rows, columns, false, y);
  return tape.record(std::move(y), any_wants_grad(x),
                     [x = x.target(), rows, columns](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(x);
                       apply(dy, transposed(rows), transposed(columns), sink.accumulate, sink.grad);
                     });
}

}  // namespace tessera
