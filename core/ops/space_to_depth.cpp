#include "core/ops/space_to_depth.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

struct Geometry {
  std::int64_t batch, height, width, channels;  // of the map
  std::int64_t rows, columns;                   // of blocks
  std::int64_t bh, bw;

  std::int64_t depth() const { return bh * bw * channels; }
};

Geometry geometry_of(const Shape& x, std::array<std::int64_t, 2> block) {
  if (x.rank() != 4) fail<ShapeError>("[space_to_depth] x {} is not [B, H, W, C]", x);
  const auto [bh, bw] = block;
  if (bh < 1 || bw < 1) fail<ShapeError>("[space_to_depth] block {} x {} is not positive", bh, bw);
  return {x[0], x[1], x[2], x[3], (x[1] + bh - 1) / bh, (x[2] + bw - 1) / bw, bh, bw};
}

/// Calls `chunk(in_map, in_block)` for every run of `channels` values in the blocks of rows [begin,
/// end) of [batch * rows]: `in_map` is the offset in the map, or -1 in the padding.
template <typename Chunk>
TESSERA_INLINE void for_chunks(const Geometry& g, std::int64_t begin, std::int64_t end,
                               const Chunk& chunk) {
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t sample = row / g.rows, top = row % g.rows * g.bh;
    for (std::int64_t column = 0; column < g.columns; ++column) {
      const std::int64_t block = (row * g.columns + column) * g.depth();
      for (std::int64_t dh = 0; dh < g.bh; ++dh) {
        for (std::int64_t dw = 0; dw < g.bw; ++dw) {
          const std::int64_t y = top + dh, x = column * g.bw + dw;
          const bool inside = y < g.height && x < g.width;
          chunk(inside ? ((sample * g.height + y) * g.width + x) * g.channels : -1,
                block + (dw * g.bh + dh) * g.channels);
        }
      }
    }
  }
}

template <typename T>
void gather(const Geometry& g, const T* map, T* blocks, std::int64_t begin, std::int64_t end) {
  for_chunks(g, begin, end, [=, count = g.channels](std::int64_t from, std::int64_t to) {
    if (from < 0) {
      std::fill_n(blocks + to, count, T{});
    } else {
      std::copy_n(map + from, count, blocks + to);
    }
  });
}

template <typename T>
void scatter(const Geometry& g, const T* blocks, T* map, bool accumulate, std::int64_t begin,
             std::int64_t end) {
  for_chunks(g, begin, end, [=, count = g.channels](std::int64_t to, std::int64_t from) {
    if (to < 0) return;
    if (!accumulate) {
      std::copy_n(blocks + from, count, map + to);
      return;
    }
    for (std::int64_t c = 0; c < count; ++c) {
      store(map[to + c], load(map[to + c]) + load(blocks[from + c]));
    }
  });
}

std::int64_t grain(const Geometry& g) { return row_grain(g.columns * g.depth()); }

}  // namespace

Var space_to_depth(Tape& tape, const Var& x, std::array<std::int64_t, 2> block) {
  const Geometry g = geometry_of(x.shape(), block);
  OpScope op(tape, "space_to_depth", {0.0, 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty({g.batch, g.rows, g.columns, g.depth()}, x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(g.batch * g.rows, grain(g), [&](std::int64_t begin, std::int64_t end) {
      gather(g, x.value.data<T>(), y.data<T>(), begin, end);
    });
  });
  return tape.record(
      std::move(y), any_wants_grad(x), [x = x.target(), g](Tape& t, const Tensor& dy) {
        const GradSink sink = t.sink(x);
        with_element_type(dy.dtype(), [&](auto element) {
          using T = decltype(element);
          parallel_for(g.batch * g.rows, grain(g), [&](std::int64_t begin, std::int64_t end) {
            scatter(g, dy.data<T>(), sink.grad.template data<T>(), sink.accumulate, begin, end);
          });
        });
      });
}

}  // namespace tessera::ops
