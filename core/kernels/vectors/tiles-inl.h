// Products of bf16 in the tile registers of AMX: tile A has rows of words (two bf16 elements that
// are multiplied and added together), tile B a row of words for each word of A's rows, tile C f32
// sums.
#pragma once

#include "core/kernels/vectors/vector-inl.h"

#if TESSERA_TILES

namespace tessera::ops {
namespace {

constexpr int kTileRows = 16, kTileWords = 16;
constexpr int kShortWords = kTileWords / 2;  // of factors that end early

// Two sums, a left and two right factors of whole tiles, and the same of short ones.
enum Tile : std::uint8_t {
  kSum,
  kNextSum,
  kLeftTile,
  kRightTile,
  kNextRightTile,
  kShortLeft,
  kShortRight,
  kNextShortRight
};

// The tiles of this thread while it lives: those above, sums and left factors of `rows` rows.
class TileScope {
 public:
  explicit TileScope(Index rows, int short_words = kShortWords) {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } shapes;
    const auto set = [&](Tile tile, Index tile_rows, int words) {
      shapes.rows[tile] = static_cast<std::uint8_t>(tile_rows);
      shapes.row_bytes[tile] = static_cast<std::uint16_t>(4 * words);
    };
    for (const Tile tile : {kSum, kNextSum, kLeftTile}) set(tile, rows, kTileWords);
    for (const Tile tile : {kRightTile, kNextRightTile}) set(tile, kTileWords, kTileWords);
    for (const Tile tile : {kShortRight, kNextShortRight}) set(tile, short_words, kTileWords);
    set(kShortLeft, rows, short_words);
    asm volatile("ldtilecfg %0" : : "m"(shapes));
  }
  ~TileScope() { asm volatile("tilerelease"); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

// Not the compiler's own: those of GCC 12 do not say that they read memory.
template <int... kTiles>
TESSERA_INLINE void zero_tiles() {
  (..., [] { asm volatile("tilezero %%tmm%c0" : : "i"(kTiles)); }());
}

// Rows lie `row` words apart.
template <int kTile>
TESSERA_INLINE void load_tile(const float* from, Index row) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(4 * row), "i"(kTile) : "memory");
}

template <int kTile>
TESSERA_INLINE void store_tile(float* to, Index row) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(4 * row), "i"(kTile) : "memory");
}

// Sum += left right.
template <int kTo, int kA, int kB>
TESSERA_INLINE void add_tile_product() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kTo), "i"(kA), "i"(kB));
}

template <bool kTwo, int kA, int kB, int kNextB>
TESSERA_INLINE void add_words(const float* a, Index row, const float* b, Index ldb) {
  load_tile<kA>(a, row);
  load_tile<kB>(b, ldb);
  add_tile_product<kSum, kA, kB>();
  if constexpr (kTwo) {
    load_tile<kNextB>(b + kTileWords, ldb);
    add_tile_product<kNextSum, kA, kNextB>();
  }
}

// One or two tiles of C = A B; a [rows, row] words, b [pairs, ldb] words, c [rows, ldb].
template <bool kTwo>
TESSERA_INLINE void tile_block(const float* a, Index row, const float* b, Index ldb, Index pairs,
                               float* c) {
  zero_tiles<kSum, kNextSum>();
  Index k = 0;
  for (; pairs - k > kShortWords; k += kTileWords) {
    add_words<kTwo, kLeftTile, kRightTile, kNextRightTile>(a + k, row, b + k * ldb, ldb);
  }
  if (k < pairs) {
    add_words<kTwo, kShortLeft, kShortRight, kNextShortRight>(a + k, row, b + k * ldb, ldb);
  }
  store_tile<kSum>(c, ldb);
  if constexpr (kTwo) store_tile<kNextSum>(c + kTileWords, ldb);
}

// C = A B of a TileScope's rows and `columns` columns, whole vectors. Words of A and rows of B are
// read up to a whole short tile: what lies beyond `pairs` is zero in one and a number in the other.
TESSERA_INLINE void tile_dots(const float* a, Index row, const float* b, Index pairs, Index columns,
                              float* c) {
  Index j = 0;
  for (; j + 2 * kTileWords <= columns; j += 2 * kTileWords) {
    tile_block<true>(a, row, b + j, columns, pairs, c + j);
  }
  if (j < columns) tile_block<false>(a, row, b + j, columns, pairs, c + j);
}

}  // namespace
}  // namespace tessera::ops

#endif
