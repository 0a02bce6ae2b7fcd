#include "core/ops/bicubic_resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"

namespace tessera::ops {
namespace {

/// The neighbouring cells that a new one is made of, and their weights.
struct Taps {
  std::int64_t first = 0;
  int count = 0;
  std::array<double, 4> weights{};
};

/// Keys' cubic convolution kernel with a = -0.75 at distance `x`.
double cubic(double x) {
  constexpr double kA = -0.75;
  x = std::abs(x);
  if (x <= 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  if (x < 2.0) return ((kA * x - 5.0 * kA) * x + 8.0 * kA) * x - 4.0 * kA;
  return 0.0;
}

std::vector<Taps> taps_of(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  std::vector<Taps> all;
  for (std::int64_t i = 0; i < to; ++i) {
    const double position = (static_cast<double>(i) + 0.5) * scale - 0.5;
    const auto begin = static_cast<std::int64_t>(std::floor(position)) - 1;
    const auto inside = [from](std::int64_t j) { return std::clamp<std::int64_t>(j, 0, from - 1); };
    Taps taps{.first = inside(begin)};
    for (std::int64_t j = begin; j < begin + 4; ++j) {
      const auto at = static_cast<std::size_t>(inside(j) - taps.first);
      taps.weights[at] += cubic(position - static_cast<double>(j));
      taps.count = static_cast<int>(at) + 1;
    }
    all.push_back(taps);
  }
  return all;
}

struct Resize {
  std::int64_t width;  ///< before
  std::int64_t channels;
  std::vector<Taps> rows, columns;  ///< one a new row or column

  Resize(const Shape& map, std::array<std::int64_t, 2> size)
      : width(map[1]),
        channels(map[2]),
        rows(taps_of(map[0], size[0])),
        columns(taps_of(map[1], size[1])) {}

  /// Calls body(to, row, column) for the place of each new cell and the cells it is made of.
  template <typename Body>
  void for_cells(Body body) const {
    std::int64_t to = 0;
    for (const Taps& row : rows) {
      for (const Taps& column : columns) {
        body(to, row, column);
        to += channels;
      }
    }
  }

  /// Calls body(from, weight) for the place and weight of each of these.
  template <typename Body>
  void for_taps(const Taps& row, const Taps& column, Body body) const {
    for (int i = 0; i < row.count; ++i) {
      for (int j = 0; j < column.count; ++j) {
        body(
            ((row.first + i) * width + column.first + j) * channels,
            row.weights[static_cast<std::size_t>(i)] * column.weights[static_cast<std::size_t>(j)]);
      }
    }
  }
};

constexpr std::int64_t kChannels = 16;  // that are worked on together

// Calls body(first, last) for shares of the channels, in parallel.
template <typename Body>
void for_channels(std::int64_t channels, Body body) {
  parallel_for((channels + kChannels - 1) / kChannels, 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t share = begin; share < end; ++share) {
                   body(share * kChannels, std::min((share + 1) * kChannels, channels));
                 }
               });
}

void forward(const Resize& resize, const float* in, float* out) {
  for_channels(resize.channels, [&](std::int64_t first, std::int64_t last) {
    resize.for_cells([&](std::int64_t to, const Taps& row, const Taps& column) {
      std::array<double, kChannels> sums{};
      resize.for_taps(row, column, [&](std::int64_t from, double weight) {
        for (std::int64_t c = first; c < last; ++c) {
          sums[static_cast<std::size_t>(c - first)] += weight * double{in[from + c]};
        }
      });
      for (std::int64_t c = first; c < last; ++c) {
        out[to + c] = static_cast<float>(sums[static_cast<std::size_t>(c - first)]);
      }
    });
  });
}

// din[from] += weight dout[to], the transpose.
void backward(const Resize& resize, const float* dout, float* din) {
  for_channels(resize.channels, [&](std::int64_t first, std::int64_t last) {
    resize.for_cells([&](std::int64_t to, const Taps& row, const Taps& column) {
      resize.for_taps(row, column, [&](std::int64_t from, double weight) {
        for (std::int64_t c = first; c < last; ++c) {
          din[from + c] += static_cast<float>(weight) * dout[to + c];
        }
      });
    });
  });
}

}  // namespace

Var bicubic_resize(Tape& tape, const Var& map, std::array<std::int64_t, 2> size) {
  if (map.shape().rank() != 3 || map.value.numel() == 0 || map.value.dtype() != DType::kF32 ||
      size[0] < 1 || size[1] < 1) {
    fail<ShapeError>("[bicubic_resize] map {} {} to {}x{}: must be f32 [H, W, C], no side empty",
                     name_of(map.value.dtype()), map.shape(), size[0], size[1]);
  }
  const Resize resize(map.shape(), size);
  Tensor out = Tensor::empty({size[0], size[1], resize.channels});
  OpScope op(tape, "bicubic_resize",
             {32.0 * static_cast<double>(out.numel()),
              static_cast<double>(map.value.bytes() + out.bytes())});
  forward(resize, map.value.f32(), out.f32());
  return tape.record(std::move(out), any_wants_grad(map),
                     [target = map.target(), resize](Tape& t, const Tensor& dout) {
                       const GradSink sink = t.sink(target);
                       if (!sink) return;
                       if (!sink.accumulate) sink.grad.fill(0.0f);
                       backward(resize, dout.f32(), sink.grad.f32());
                     });
}

}  // namespace tessera::ops
