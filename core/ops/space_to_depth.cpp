#include "core/ops/space_to_depth.h"

#include <cstring>

#include "core/error.h"
#include "core/ops/element.h"

namespace tessera::ops {
namespace {

struct Geometry {
  std::int64_t batch, height, width, channels;  // of the map
  std::int64_t rows, columns;                   // of blocks
  std::int64_t bh, bw;
  BlockOrder order;

  std::int64_t depth() const { return bh * bw * channels; }
  Shape map() const { return {batch, height, width, channels}; }
  Shape blocks() const { return {batch, rows, columns, depth()}; }
};

Geometry geometry_of(const Shape& x, std::array<std::int64_t, 2> block, BlockOrder order) {
  if (x.rank() != 4) fail<ShapeError>("[space_to_depth] x {} is not [B, H, W, C]", x);
  const auto [bh, bw] = block;
  if (bh < 1 || bw < 1) fail<ShapeError>("[space_to_depth] block {} x {} is not positive", bh, bw);
  const bool up = order == BlockOrder::kMerge;
  const Geometry g{
      x[0], x[1], x[2], x[3], (x[1] + (up ? bh - 1 : 0)) / bh, (x[2] + (up ? bw - 1 : 0)) / bw,
      bh,   bw,   order};
  if (g.rows < 1 || g.columns < 1) {
    fail<ShapeError>("[space_to_depth] block {} x {} does not fit into x {} even once", bh, bw, x);
  }
  return g;
}

/// Calls `chunk(in_map, in_block, step)` for every run of `channels` values in the blocks of rows
/// [begin, end) of [batch * rows]: `in_map` is the offset in the map, or -1 in the padding; the
/// values lie `step` apart in the block.
template <typename Chunk>
TESSERA_INLINE void for_chunks(const Geometry& g, std::int64_t begin, std::int64_t end,
                               const Chunk& chunk) {
  const bool merge = g.order == BlockOrder::kMerge;
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t sample = row / g.rows, top = row % g.rows * g.bh;
    for (std::int64_t column = 0; column < g.columns; ++column) {
      const std::int64_t block = (row * g.columns + column) * g.depth();
      for (std::int64_t dh = 0; dh < g.bh; ++dh) {
        for (std::int64_t dw = 0; dw < g.bw; ++dw) {
          const std::int64_t y = top + dh, x = column * g.bw + dw;
          const bool inside = y < g.height && x < g.width;
          const std::int64_t in_map =
              inside ? ((sample * g.height + y) * g.width + x) * g.channels : -1;
          const std::int64_t in_block = merge ? (dw * g.bh + dh) * g.channels : dh * g.bw + dw;
          chunk(in_map, block + in_block, merge ? 1 : g.bh * g.bw);
        }
      }
    }
  }
}

template <typename T>
void gather(const Geometry& g, const T* map, T* blocks, std::int64_t begin, std::int64_t end) {
  const std::int64_t channels = g.channels;
  for_chunks(g, begin, end, [=](std::int64_t from, std::int64_t to, std::int64_t step) {
    if (from < 0) {
      for (std::int64_t c = 0; c < channels; ++c) blocks[to + c * step] = T{};
    } else if (step == 1) {
      std::memcpy(blocks + to, map + from, static_cast<std::size_t>(channels) * sizeof(T));
    } else {
      for (std::int64_t c = 0; c < channels; ++c) blocks[to + c * step] = map[from + c];
    }
  });
}

template <typename T>
void scatter(const Geometry& g, const T* blocks, T* map, bool accumulate, std::int64_t begin,
             std::int64_t end) {
  const std::int64_t channels = g.channels;
  for_chunks(g, begin, end, [=](std::int64_t to, std::int64_t from, std::int64_t step) {
    if (to < 0) return;
    if (accumulate) {
      for (std::int64_t c = 0; c < channels; ++c) {
        store(map[to + c], load(map[to + c]) + load(blocks[from + c * step]));
      }
    } else if (step == 1) {
      std::memcpy(map + to, blocks + from, static_cast<std::size_t>(channels) * sizeof(T));
    } else {
      for (std::int64_t c = 0; c < channels; ++c) map[to + c] = blocks[from + c * step];
    }
  });
}

std::int64_t grain(const Geometry& g) { return row_grain(g.columns * g.depth()); }

}  // namespace

Var space_to_depth(Tape& tape, const Var& x, std::array<std::int64_t, 2> block, BlockOrder order) {
  const Geometry g = geometry_of(x.shape(), block, order);
  OpScope op(tape, "space_to_depth", {0.0, 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(g.blocks(), x.value.dtype());  // [B, H/bh, W/bw, bh*bw*C]
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(g.batch * g.rows, grain(g), [&](std::int64_t begin, std::int64_t end) {
      gather(g, x.value.data<T>(), y.data<T>(), begin, end);
    });
  });
  return tape.record(
      std::move(y), any_wants_grad(x), [x = x.target(), g](Tape& t, const Tensor& dy) {
        const GradSink sink = t.sink(x);
        const bool covered = g.rows * g.bh >= g.height && g.columns * g.bw >= g.width;
        if (!sink.accumulate && !covered) {
          std::memset(sink.grad.raw(), 0, sink.grad.bytes());
        }
        with_element_type(dy.dtype(), [&](auto element) {
          using T = decltype(element);
          parallel_for(g.batch * g.rows, grain(g), [&](std::int64_t begin, std::int64_t end) {
            scatter(g, dy.data<T>(), sink.grad.template data<T>(), sink.accumulate, begin, end);
          });
        });
      });
}

}  // namespace tessera::ops
