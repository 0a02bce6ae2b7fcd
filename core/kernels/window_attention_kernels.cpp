#include "core/kernels/window_attention_kernels.h"

#include <algorithm>

namespace tessera::ops {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Takes consecutive pieces of a buffer, each starting on a cache line; without a buffer it only
// counts.
class Carver {
 public:
  explicit Carver(float* memory) : memory_(memory) {}

  float* take(std::int64_t count) {
    float* piece = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += round_up(count, 16);
    return piece;
  }
  std::int64_t used() const { return used_; }

 private:
  float* memory_;
  std::int64_t used_ = 0;
};

AttentionWorkspace carve(const AttentionShape& shape, bool backward, Carver& carver) {
  const std::int64_t tile = shape.rows * shape.columns;
  const std::int64_t transposed = shape.columns * shape.keys;
  AttentionWorkspace w{};
  w.token = reinterpret_cast<std::int64_t*>(carver.take(2 * shape.keys));
  w.region = reinterpret_cast<std::int32_t*>(carver.take(shape.keys));
  w.key_mask = carver.take(shape.keys);
  w.q = carver.take(tile);
  w.k = carver.take(tile);
  w.v = carver.take(tile);
  w.out = carver.take(tile);
  w.k_transposed = carver.take(transposed);
  const std::int64_t score_rows = backward && !shape.dots ? shape.rows : shape.row_block;
  w.scores = carver.take(score_rows * shape.keys);
  w.q_norm = carver.take(shape.rows);
  w.k_norm = carver.take(shape.rows);
  if (backward) {
    w.dout = carver.take(tile);
    w.v_transposed = carver.take(transposed);
    w.dscores = carver.take(score_rows * shape.keys);
  }
  if (shape.dots) {
    const std::int64_t words = word_rows(shape) * shape.keys;
    w.p = carver.take(words);
    w.pairs = carver.take(word_rows(shape) * shape.columns);
    w.pad = carver.take(2 * round_up(shape.columns, 32));
    if (backward) {
      w.ds = carver.take(words);
      w.p_pairs = carver.take(words);
      w.ds_pairs = carver.take(words);
    }
  }
  return w;
}

// 0 inside, 1 in the last window up to the shift, 2 for what was rolled in from the other side.
std::int32_t region_of(std::int64_t at, std::int64_t length, std::int64_t window,
                       std::int64_t shift) {
  if (shift == 0 || at < length - window) return 0;
  return at < length - shift ? 1 : 2;
}

}  // namespace

void set_tile_sizes(AttentionShape& shape, std::int64_t lanes) {
  shape.tokens = shape.window_h * shape.window_w;
  shape.row_block = shape.tokens % 7 == 0 ? 7 : 8;
  shape.keys = round_up(shape.tokens, lanes);
  shape.rows = std::max(round_up(shape.tokens, shape.row_block), shape.keys);
  shape.columns = round_up(shape.head_dim, lanes);
}

std::int64_t word_rows(const AttentionShape& shape) { return round_up(shape.rows, 32) / 2; }

std::int64_t workspace_size(const AttentionShape& shape, bool backward) {
  Carver carver(nullptr);
  carve(shape, backward, carver);
  return carver.used();
}

AttentionWorkspace make_workspace(const AttentionShape& shape, bool backward, float* memory) {
  Carver carver(memory);
  return carve(shape, backward, carver);
}

std::int64_t rolled_from(std::int64_t at, std::int64_t length, std::int64_t padded,
                         std::int64_t shift, bool roll_first) {
  const std::int64_t rolled = roll_first ? length : padded;
  if (at >= rolled) return at;
  std::int64_t from = at + shift;
  while (from >= rolled) from -= rolled;  // once at most, unless the shift is larger than the map
  return from;
}

void place_window(const AttentionShape& s, std::int64_t window, AttentionWorkspace& w) {
  const std::int64_t padded_h = s.windows_y * s.window_h, padded_w = s.windows_x * s.window_w;
  const std::int64_t image = window / (s.windows_y * s.windows_x);
  const std::int64_t top = window / s.windows_x % s.windows_y * s.window_h;
  const std::int64_t left = window % s.windows_x * s.window_w;
  w.masked = false;
  std::int64_t i = 0;
  for (std::int64_t row = top; row < top + s.window_h; ++row) {
    const std::int64_t y = rolled_from(row, s.height, padded_h, s.shift_h, s.roll_first);
    const std::int32_t region_y = 3 * region_of(row, padded_h, s.window_h, s.shift_h);
    for (std::int64_t column = left; column < left + s.window_w; ++column, ++i) {
      const std::int64_t x = rolled_from(column, s.width, padded_w, s.shift_w, s.roll_first);
      const bool inside = y < s.height && x < s.width;
      w.token[i] = inside ? (image * s.height + y) * s.width + x : -1;
      w.region[i] = region_y + region_of(column, padded_w, s.window_w, s.shift_w);
      w.key_mask[i] = inside || !s.mask_padding ? 0.0f : kExcluded;
      w.masked = w.masked || w.region[i] != w.region[0] || w.key_mask[i] != 0.0f;
    }
  }
}

}  // namespace tessera::ops
