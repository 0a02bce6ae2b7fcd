// Small matrix products on tiles.
#pragma once

#include "core/kernels/vectors/vector-inl.h"

namespace tessera::ops {
namespace {

// One stage of a transposition: swaps the blocks of kStep lanes that lie off the diagonal.
template <int kStep, int... kLane>
TESSERA_INLINE void swap_blocks(Vec& upper, Vec& lower, std::integer_sequence<int, kLane...>) {
  const Vec a = upper, b = lower;
  upper = __builtin_shufflevector(a, b, ((kLane & kStep) ? kLanes + kLane - kStep : kLane)...);
  lower = __builtin_shufflevector(a, b, ((kLane & kStep) ? kLanes + kLane : kLane + kStep)...);
}

template <int kStep = kLanes / 2>
TESSERA_INLINE void transpose_square(Vec (&rows)[kLanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if ((i & kStep) == 0) swap_blocks<kStep>(rows[i], rows[i + kStep], Lanes());
  }
  if constexpr (kStep > 1) transpose_square<kStep / 2>(rows);
}

// [rows, columns] -> [columns, rows]; both whole vectors.
void transpose(const float* from, Index rows, Index columns, float* to) {
  for (Index i = 0; i < rows; i += kLanes) {
    for (Index j = 0; j < columns; j += kLanes) {
      Vec square[kLanes];
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) square[r] = load(from + (i + r) * columns + j);
      transpose_square(square);
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) store(to + (j + r) * rows + i, square[r]);
    }
  }
}

// The left factor of a product as it lies in memory.
enum class Left { kPlain, kTransposed };

// kRows x kVecs vectors of C = A B in registers. Element (i, k) of A is a[i * lda + k], or
// a[k * lda + i] if it lies transposed; b [depth, ldb], c [kRows, ldb].
template <int kRows, int kVecs, Left kLeft>
TESSERA_INLINE void product_block(const float* a, Index lda, const float* b, Index ldb, Index depth,
                                  float* c) {
  constexpr bool kPlain = kLeft == Left::kPlain;
  Vec sum[kRows][kVecs] = {};
  for (Index k = 0; k < depth; ++k) {
    Vec right[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) right[v] = load(b + k * ldb + v * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const float left = kPlain ? a[i * lda + k] : a[k * lda + i];
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) sum[i][v] += left * right[v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) store(c + i * ldb + v * kLanes, sum[i][v]);
  }
}

// C = A B; `rows` in whole blocks of kRows, b [depth, columns], c [rows, columns].
template <int kRows, Left kLeft>
void product(const float* a, Index lda, const float* b, Index rows, Index depth, Index columns,
             float* c) {
  constexpr int kVecs = kLanes == 16 ? 2 : 1;  // sums, factors and a broadcast fit the registers
  for (Index i = 0; i < rows; i += kRows) {
    const float* const left = kLeft == Left::kPlain ? a + i * lda : a + i;
    float* const out = c + i * columns;
    Index j = 0;
    for (; j + kVecs * kLanes <= columns; j += kVecs * kLanes) {
      product_block<kRows, kVecs, kLeft>(left, lda, b + j, columns, depth, out + j);
    }
    for (; j < columns; j += kLanes) {
      product_block<kRows, 1, kLeft>(left, lda, b + j, columns, depth, out + j);
    }
  }
}

// count elements, f32 or bf16, as floats times `factor`, and zeros up to whole vectors.
template <typename T>
TESSERA_INLINE void load_row(const T* from, Index count, float factor, float* to) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, factor * read(from + i));
  if (i < count) store(to + i, factor * read_some(from + i, count - i));
}

// to (+)= from * factor, rounded to T.
template <typename T>
TESSERA_INLINE void store_row(const float* from, Index count, float factor, bool accumulate,
                              T* to) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Vec value = factor * load(from + i);
    if (accumulate) value += read(to + i);
    write(to + i, value);
  }
  if (i == count) return;
  Vec value = factor * read_some(from + i, count - i);
  if (accumulate) value += read_some(to + i, count - i);
  write_some(to + i, value, count - i);
}

}  // namespace
}  // namespace tessera::ops
