#include "core/ops/token_shift.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

struct Geometry {
  std::int64_t batch, height, width, channels;
  std::int64_t moved;  // channels in each direction
};

constexpr std::array<std::array<std::int64_t, 2>, 4> kFrom{{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};

template <typename T>
TESSERA_KERNEL void add(const T* values, T* sum, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) store(sum[i], load(sum[i]) + load(values[i]));
}

// Lines [begin, end) of [batch * height]. `sign` is 1, or -1 for the reverse, which is the
// gradient.
template <typename T>
void move(const Geometry& g, const T* from, T* to, std::int64_t sign, bool accumulate,
          std::int64_t begin, std::int64_t end) {
  const auto put = [&](const T* source, T* target, std::int64_t count) {
    if (accumulate) {
      if (source != nullptr) add(source, target, count);
    } else if (source != nullptr) {
      std::copy_n(source, count, target);
    } else {
      std::fill_n(target, count, T{});
    }
  };
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t y = line % g.height;
    for (std::int64_t x = 0; x < g.width; ++x) {
      const std::int64_t token = line * g.width + x;
      T* target = to + token * g.channels;
      for (std::size_t direction = 0; direction < kFrom.size(); ++direction) {
        const std::int64_t dy = sign * kFrom[direction][0], dx = sign * kFrom[direction][1];
        const bool inside = y + dy >= 0 && y + dy < g.height && x + dx >= 0 && x + dx < g.width;
        const std::int64_t first = static_cast<std::int64_t>(direction) * g.moved;
        put(inside ? from + (token + dy * g.width + dx) * g.channels + first : nullptr,
            target + first, g.moved);
      }
      put(from + token * g.channels + 4 * g.moved, target + 4 * g.moved, g.channels - 4 * g.moved);
    }
  }
}

void move_all(const Geometry& g, const Tensor& from, const Tensor& to, std::int64_t sign,
              bool accumulate) {
  with_element_type(from.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(g.batch * g.height, row_grain(g.width * g.channels),
                 [&](std::int64_t begin, std::int64_t end) {
                   move(g, from.data<T>(), to.data<T>(), sign, accumulate, begin, end);
                 });
  });
}

}  // namespace

Var token_shift(Tape& tape, const Var& x, std::int64_t channels) {
  if (x.shape().rank() != 4 || channels < 0 || 4 * channels > x.dim(3)) {
    fail<ShapeError>("[token_shift] x {} is not [B, H, W, C] with C >= 4 * {}", x.shape(),
                     channels);
  }
  const Geometry g{x.dim(0), x.dim(1), x.dim(2), x.dim(3), channels};
  OpScope op(tape, "token_shift", {0.0, 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  move_all(g, x.value, y, 1, false);
  return tape.record(std::move(y), any_wants_grad(x),
                     [x = x.target(), g](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(x);
                       move_all(g, dy, sink.grad, -1, sink.accumulate);
                     });
}

}  // namespace tessera::ops
