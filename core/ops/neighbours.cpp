#include "core/ops/neighbours.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

struct Blocks {
  std::int64_t batch, height, width, channels;  // of the map
  std::int64_t rows, columns;                   // of blocks
  std::int64_t bh, bw;

  std::int64_t depth() const { return bh * bw * channels; }
};

Blocks blocks_of(const Shape& x, std::array<std::int64_t, 2> block) {
  if (x.rank() != 4) fail<ShapeError>("[space_to_depth] x {} is not [B, H, W, C]", x);
  const auto [bh, bw] = block;
  if (bh < 1 || bw < 1) fail<ShapeError>("[space_to_depth] block {} x {} is not positive", bh, bw);
  return {x[0], x[1], x[2], x[3], (x[1] + bh - 1) / bh, (x[2] + bw - 1) / bw, bh, bw};
}

/// Calls `chunk(in_map, in_block)` for every run of `channels` values in the blocks of rows [begin,
/// end) of [batch * rows]: `in_map` is the offset in the map, or -1 in the padding.
template <typename Chunk>
TESSERA_INLINE void for_chunks(const Blocks& g, std::int64_t begin, std::int64_t end,
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
void gather(const Blocks& g, const T* map, T* blocks, std::int64_t begin, std::int64_t end) {
  for_chunks(g, begin, end, [=, count = g.channels](std::int64_t from, std::int64_t to) {
    if (from < 0) {
      std::fill_n(blocks + to, count, T{});
    } else {
      std::copy_n(map + from, count, blocks + to);
    }
  });
}

template <typename T>
void scatter(const Blocks& g, const T* blocks, T* map, bool accumulate, std::int64_t begin,
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

std::int64_t block_grain(const Blocks& g) { return row_grain(g.columns * g.depth()); }

struct Shift {
  std::int64_t batch, height, width, channels;
  std::int64_t moved;  // channels in each direction
};

constexpr std::array<std::array<std::int64_t, 2>, 4> kFrom{{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};

template <typename T>
TESSERA_KERNEL void add_values(const T* values, T* sum, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) store(sum[i], load(sum[i]) + load(values[i]));
}

// Lines [begin, end) of [batch * height]. `sign` is 1, or -1 for the reverse, which is the
// gradient.
template <typename T>
void move(const Shift& g, const T* from, T* to, std::int64_t sign, bool accumulate,
          std::int64_t begin, std::int64_t end) {
  const auto put = [&](const T* source, T* target, std::int64_t count) {
    if (accumulate) {
      if (source != nullptr) add_values(source, target, count);
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

void move_all(const Shift& g, const Tensor& from, const Tensor& to, std::int64_t sign,
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

Var space_to_depth(Tape& tape, const Var& x, std::array<std::int64_t, 2> block) {
  const Blocks g = blocks_of(x.shape(), block);
  OpScope op(tape, "space_to_depth", {0.0, 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty({g.batch, g.rows, g.columns, g.depth()}, x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(g.batch * g.rows, block_grain(g), [&](std::int64_t begin, std::int64_t end) {
      gather(g, x.value.data<T>(), y.data<T>(), begin, end);
    });
  });
  return tape.record(
      std::move(y), any_wants_grad(x), [x = x.target(), g](Tape& t, const Tensor& dy) {
        const GradSink sink = t.sink(x);
        with_element_type(dy.dtype(), [&](auto element) {
          using T = decltype(element);
          parallel_for(g.batch * g.rows, block_grain(g), [&](std::int64_t begin, std::int64_t end) {
            scatter(g, dy.data<T>(), sink.grad.template data<T>(), sink.accumulate, begin, end);
          });
        });
      });
}

Var gather_patches(Tape& tape, const Var& x, PatchGrid grid) {
  if (x.shape().rank() != 4)
    fail<ShapeError>("[gather_patches] x {} is not [B, H, W, C]", x.shape());
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (grid.kernel[axis] < 1 || grid.stride[axis] < 1 || grid.places[axis] < 1) {
      fail<ShapeError>("[gather_patches] kernel {}, stride {} and places {} must be positive",
                       grid.kernel[axis], grid.stride[axis], grid.places[axis]);
    }
  }
  if (grid.views < 1 || grid.views > PatchGrid::kMaxViews) {
    fail<ShapeError>("[gather_patches] {} views: give 1 to {}", grid.views, PatchGrid::kMaxViews);
  }
  grid.batch = x.dim(0);
  grid.size = {x.dim(1), x.dim(2)};
  grid.channels = x.dim(3);
  Tensor y = Tensor::empty({grid.batch, grid.places[0], grid.places[1], grid.depth()},
                           x.value.dtype());  // [B, h, w, views kh kw C]
  OpScope op(tape, "gather_patches",
             {0.0, static_cast<double>(x.value.bytes()) + static_cast<double>(y.bytes())});
  gather_patch_rows(grid, x.value, 0, grid.rows(), y.raw());
  return tape.record(std::move(y), any_wants_grad(x),
                     [x = x.target(), grid](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(x);
                       scatter_patch_rows(grid, dy, sink.grad, sink.accumulate);
                     });
}

Var kernel_rows(Tape& tape, const Var& kernel, int views) {
  if (kernel.shape().rank() != 4 || views < 1 || kernel.dim(1) % views != 0) {
    fail<ShapeError>("[kernel_rows] kernel {} is not [O, {} * C, kh, kw]", kernel.shape(), views);
  }
  const PatchGrid grid{
      .channels = kernel.dim(1) / views, .kernel = {kernel.dim(2), kernel.dim(3)}, .views = views};
  OpScope op(tape, "kernel_rows", {0.0, 2.0 * static_cast<double>(kernel.value.bytes())});
  Tensor rows = Tensor::empty({kernel.dim(0), grid.depth()});
  kernel_to_rows(grid, kernel.value, rows);
  return tape.record(std::move(rows), any_wants_grad(kernel),
                     [kernel = kernel.target(), grid](Tape& t, const Tensor& drows) {
                       const GradSink sink = t.sink(kernel);
                       rows_to_kernel(grid, drows, sink.grad, sink.accumulate);
                     });
}

Var token_shift(Tape& tape, const Var& x, std::int64_t channels) {
  if (x.shape().rank() != 4 || channels < 0 || 4 * channels > x.dim(3)) {
    fail<ShapeError>("[token_shift] x {} is not [B, H, W, C] with C >= 4 * {}", x.shape(),
                     channels);
  }
  const Shift g{x.dim(0), x.dim(1), x.dim(2), x.dim(3), channels};
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
