// Products of bf16 tiles by the instruction that multiplies pairs of bf16 and adds them to f32
// sums, and what goes with it. A `word` is two bf16 elements that are multiplied and added
// together; words are moved as the float of their bits.
#pragma once

#include "core/kernels/vectors/tile-inl.h"
#include "core/kernels/vectors/tiles-inl.h"

#if TESSERA_BF16_UNIT

namespace tessera::ops {
namespace {

constexpr Index kWordLanes = 2 * kLanes;  // bf16 elements of a vector

// Where the left factor of a product has its words: those of row i at i * row, one pair after the
// other at `pair`.
struct Steps {
  Index row, pair;
};

// kRows x kVecs vectors of C = A B in registers; b [pairs, ldb] words, c [kRows, ldc].
template <int kRows, int kVecs>
TESSERA_INLINE void dots_block(const float* a, Steps step, const float* b, Index ldb, Index pairs,
                               float* c, Index ldc) {
  __m512 sum[kRows][kVecs];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) sum[i][v] = _mm512_setzero_ps();
  }
  for (Index k = 0; k < pairs; ++k) {
    __m512bh right[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) right[v] = load<__m512bh>(b + k * ldb + v * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const __m512 word = _mm512_set1_ps(a[i * step.row + k * step.pair]);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) {
        sum[i][v] = _mm512_dpbf16_ps(sum[i][v], load<__m512bh>(&word), right[v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) store(c + i * ldc + v * kLanes, sum[i][v]);
  }
}

// C = A B of kRows rows and `columns` columns, whole vectors.
template <int kRows>
TESSERA_INLINE void dots(const float* a, Steps step, const float* b, Index pairs, Index columns,
                         float* c) {
#if TESSERA_TILES
  if (step.pair == 1) return tile_dots(a, step.row, b, pairs, columns, c);
#endif
  Index j = 0;
  for (; j + 2 * kLanes <= columns; j += 2 * kLanes) {
    dots_block<kRows, 2>(a, step, b + j, columns, pairs, c + j, columns);
  }
  if (j < columns) dots_block<kRows, 1>(a, step, b + j, columns, pairs, c + j, columns);
}

// Rows 2p and 2p + 1 of a bf16 tile -> row p of words that hold an element of each.
void pair_rows(const float* tile, Index words, Index row_pairs, Index columns, float* pairs) {
  constexpr auto kIndex = [] {
    struct Indices {
      alignas(64) std::uint16_t low[kWordLanes], high[kWordLanes];
    } indices{};
    for (int i = 0; i < kWordLanes; ++i) {
      indices.low[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * kWordLanes);
      indices.high[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * kWordLanes + kLanes);
    }
    return indices;
  }();
  const auto low = load<__m512i>(kIndex.low), high = load<__m512i>(kIndex.high);
  for (Index p = 0; p < row_pairs; ++p) {
    for (Index j = 0; j < columns; j += kWordLanes) {
      const float* const from = tile + 2 * p * words + j / 2;
      const auto upper = load<__m512i>(from), lower = load<__m512i>(from + words);
      store(pairs + p * columns + j, _mm512_permutex2var_epi16(upper, low, lower));
      if (j + kLanes >= columns) break;
      store(pairs + p * columns + j + kLanes, _mm512_permutex2var_epi16(upper, high, lower));
    }
  }
}

TESSERA_INLINE Vec plus(Vec a, Vec b) { return a + b; }

// Each lane's sum (or maximum) over 8 vectors a..h: [abcd abcd efgh efgh].
template <typename Combine>
TESSERA_INLINE Vec across(const Vec (&v)[8], Combine combine) {
  Vec quads[2];
#pragma GCC unroll 2
  for (int q = 0; q < 2; ++q) {
    Vec twos[2];
#pragma GCC unroll 2
    for (int t = 0; t < 2; ++t) {
      const Vec a = v[4 * q + 2 * t], b = v[4 * q + 2 * t + 1];
      twos[t] = combine(
          __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29),
          __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15,
                                  31));  // [a b a b] in every quarter
    }
    quads[q] = combine(__builtin_shufflevector(twos[0], twos[1], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9,
                                               24, 25, 12, 13, 28, 29),
                       __builtin_shufflevector(twos[0], twos[1], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11,
                                               26, 27, 14, 15, 30, 31));  // [a b c d]
  }
  const Vec halves = combine(__builtin_shufflevector(quads[0], quads[1], 0, 1, 2, 3, 8, 9, 10, 11,
                                                     16, 17, 18, 19, 24, 25, 26, 27),
                             __builtin_shufflevector(quads[0], quads[1], 4, 5, 6, 7, 12, 13, 14, 15,
                                                     20, 21, 22, 23, 28, 29, 30, 31));
  return combine(halves, __builtin_shufflevector(halves, halves, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14,
                                                 15, 8, 9, 10, 11));
}
constexpr int kRowLane[8] = {0, 1, 2, 3, 8, 9, 10, 11};  // where `across` leaves row i

// 2^x within 1e-4, which bf16 does not show; 0 for what is far below its numbers.
TESSERA_INLINE Vec coarse_exp2(Vec x) {
  const __m512 all = load<__m512>(&x);
  const auto fraction = _mm512_maskz_reduce_ps(kAllLanes, all, 0x09);  // x - floor(x)
  const Vec f = load<Vec>(&fraction);
  Vec p = f * 0.0790220f + 0.2241297f;
  p = p * f + 0.6968386f;
  p = p * f + 0.9998931f;
  const auto scaled = _mm512_maskz_scalef_ps(kAllLanes, load<__m512>(&p), all);
  return load<Vec>(&scaled);
}

// `count` floats, whole vectors -> bf16.
TESSERA_INLINE void round_row(const float* from, Index count, float* to) {
  for (Index j = 0; j < count; j += kLanes) {
    write(reinterpret_cast<BF16*>(to) + j, load(from + j));
  }
}

}  // namespace
}  // namespace tessera::ops

#endif
