#include "core/kernels/patch_rows.h"

#include <algorithm>

#include "core/kernels/element.h"

namespace tessera {
namespace {

/// The part of a patch's width that lies on the map, in elements of a run of kw * channels.
struct Span {
  std::int64_t begin, end;
};

TESSERA_INLINE Span inside(const PatchGrid& g, std::int64_t left) {
  const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, g.kernel[1]);
  const std::int64_t end = std::clamp<std::int64_t>(g.size[1] - left, begin, g.kernel[1]);
  return {begin * g.channels, end * g.channels};
}

// One patch, from the sample that it lies in.
template <typename T>
void gather(const PatchGrid& g, const T* sample, std::int64_t y, std::int64_t x, T* to) {
  const std::int64_t run = g.kernel[1] * g.channels;
  for (int view = 0; view < g.views; ++view) {
    const auto& origin = g.origins[static_cast<std::size_t>(view)];
    const std::int64_t top = y * g.stride[0] + origin[0], left = x * g.stride[1] + origin[1];
    const auto [begin, end] = inside(g, left);
    for (std::int64_t dh = 0; dh < g.kernel[0]; ++dh, to += run) {
      const std::int64_t row = top + dh;
      if (row < 0 || row >= g.size[0]) {
        std::fill_n(to, run, T{});
        continue;
      }
      std::fill_n(to, begin, T{});
      std::copy_n(sample + ((row * g.size[1] + left) * g.channels + begin), end - begin,
                  to + begin);
      std::fill(to + end, to + run, T{});
    }
  }
}

// sum[i] += values[i]
template <typename T>
TESSERA_KERNEL void add(const T* values, std::int64_t count, float* sum) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) sum[i] += load(values[i]);
}

// Adds to `sum` [W, channels] what all patches have of row `y` of sample `b`.
template <typename T>
void sum_row(const PatchGrid& g, const T* rows, std::int64_t b, std::int64_t y, float* sum) {
  const std::int64_t run = g.kernel[1] * g.channels;
  for (int view = 0; view < g.views; ++view) {
    const auto& origin = g.origins[static_cast<std::size_t>(view)];
    for (std::int64_t dh = 0; dh < g.kernel[0]; ++dh) {
      const std::int64_t offset = y - origin[0] - dh;
      const std::int64_t place = offset / g.stride[0];
      if (offset < 0 || offset % g.stride[0] != 0 || place >= g.places[0]) continue;
      const T* from = rows + (b * g.places[0] + place) * g.places[1] * g.depth() +
                      view * g.view_depth() + dh * run;
      for (std::int64_t x = 0; x < g.places[1]; ++x, from += g.depth()) {
        const std::int64_t left = x * g.stride[1] + origin[1];
        const auto [begin, end] = inside(g, left);
        add(from + begin, end - begin, sum + (left * g.channels + begin));
      }
    }
  }
}

// Both orders of a kernel: calls `move(i, j)` with the places of an element in kernel and rows.
template <typename Move>
void for_kernel(const PatchGrid& g, std::int64_t kernels, const Move& move) {
  const std::int64_t pixels = g.kernel[0] * g.kernel[1], channels = g.channels;
  for (std::int64_t block = 0; block < kernels * g.views; ++block) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t p = 0; p < pixels; ++p) {
        move((block * channels + c) * pixels + p, (block * pixels + p) * channels + c);
      }
    }
  }
}

}  // namespace

void gather_patch_rows(const PatchGrid& g, const Tensor& map, std::int64_t begin,
                       std::int64_t count, void* rows) {
  const std::int64_t places = g.places[0] * g.places[1];
  const std::int64_t sample = g.size[0] * g.size[1] * g.channels;
  with_element_type(map.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(count, row_grain(g.depth()), [&](std::int64_t first, std::int64_t last) {
      T* to = static_cast<T*>(rows) + first * g.depth();
      for (std::int64_t row = begin + first; row < begin + last; ++row, to += g.depth()) {
        gather(g, map.data<T>() + row / places * sample, row % places / g.places[1],
               row % g.places[1], to);
      }
    });
  });
}

void scatter_patch_rows(const PatchGrid& g, const Tensor& rows, const Tensor& map,
                        bool accumulate) {
  const std::int64_t width = g.size[1] * g.channels, lines = g.batch * g.size[0];
  const std::int64_t grain = row_grain(width);
  const Tensor sums = Tensor::empty({num_parts(lines, grain), width});
  with_element_type(map.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_parts(lines, grain, [&](int part, std::int64_t begin, std::int64_t end) {
      float* sum = sums.f32() + part * width;
      for (std::int64_t line = begin; line < end; ++line) {
        T* to = map.data<T>() + line * width;
        std::fill_n(sum, width, 0.0f);
        if (accumulate) add(to, width, sum);
        sum_row(g, rows.data<T>(), line / g.size[0], line % g.size[0], sum);
        for (std::int64_t i = 0; i < width; ++i) store(to[i], sum[i]);
      }
    });
  });
}

void kernel_to_rows(const PatchGrid& g, const Tensor& kernel, const Tensor& rows) {
  const float* from = kernel.f32();
  float* to = rows.f32();
  for_kernel(g, kernel.dim(0), [=](std::int64_t i, std::int64_t j) { to[j] = from[i]; });
}

void rows_to_kernel(const PatchGrid& g, const Tensor& rows, const Tensor& kernel, bool accumulate) {
  const float* from = rows.f32();
  float* to = kernel.f32();
  for_kernel(g, kernel.dim(0), [=](std::int64_t i, std::int64_t j) {
    to[i] = accumulate ? to[i] + from[j] : from[j];
  });
}

}  // namespace tessera
