// Vectors and small matrix products on tiles. Included once per vector width, into the anonymous
// namespace of a file that defines kLanes and has chosen the instruction set.

using Vec [[gnu::vector_size(kLanes * sizeof(float))]] = float;
using VecInt = decltype(Vec{} < Vec{});
using Halves [[gnu::vector_size(kLanes * sizeof(std::uint16_t))]] = std::uint16_t;
using Lanes = std::make_integer_sequence<int, kLanes>;
using Index = std::int64_t;

template <typename V = Vec, typename T>
TESSERA_INLINE V load(const T* from) {
  V value;
  std::memcpy(&value, static_cast<const void*>(from), sizeof(V));
  return value;
}

template <typename V, typename T>
TESSERA_INLINE void store(T* to, V value) {
  std::memcpy(static_cast<void*>(to), &value, sizeof(V));
}

TESSERA_INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }

// Lane i gets lane i ^ kStep.
template <int kStep, int... kLane>
TESSERA_INLINE Vec exchange(Vec v, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(v, v, (kLane ^ kStep)...);
}

template <int kStep = kLanes / 2>
TESSERA_INLINE float sum_of(Vec v) {
  v += exchange<kStep>(v, Lanes());
  if constexpr (kStep > 1) return sum_of<kStep / 2>(v);
  return v[0];
}

template <int kStep = kLanes / 2>
TESSERA_INLINE float largest_of(Vec v) {
  v = larger(v, exchange<kStep>(v, Lanes()));
  if constexpr (kStep > 1) return largest_of<kStep / 2>(v);
  return v[0];
}

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

// count elements, f32 or bf16, as floats times `factor`.
template <typename T>
TESSERA_INLINE void load_row(const T* from, Index count, float factor, float* to) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    if constexpr (std::is_same_v<T, float>) {
      store(to + i, factor * load(from + i));
    } else {
      const VecInt bits = __builtin_convertvector(load<Halves>(from + i), VecInt) << 16;
      store(to + i, factor * __builtin_bit_cast(Vec, bits));
    }
  }
  for (; i < count; ++i) {
    if constexpr (std::is_same_v<T, float>) {
      to[i] = factor * from[i];
    } else {
      to[i] = factor * to_f32(from[i]);
    }
  }
}

// to (+)= from * factor, rounded to T.
template <typename T>
TESSERA_INLINE void store_row(const float* from, Index count, float factor, bool accumulate,
                              T* to) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Vec value = factor * load(from + i);
    if constexpr (std::is_same_v<T, float>) {
      if (accumulate) value += load(to + i);
      store(to + i, value);
    } else {
      if (accumulate) {
        const VecInt old = __builtin_convertvector(load<Halves>(to + i), VecInt) << 16;
        value += __builtin_bit_cast(Vec, old);
      }
      const VecInt bits = __builtin_bit_cast(VecInt, value);
      const VecInt rounded = bits + 0x7fff + ((bits >> 16) & 1);
      const VecInt upper = ((value == value ? rounded : (bits | 0x400000)) >> 16) & 0xffff;
      store(to + i, __builtin_convertvector(upper, Halves));
    }
  }
  for (; i < count; ++i) {
    if constexpr (std::is_same_v<T, float>) {
      to[i] = factor * from[i] + (accumulate ? to[i] : 0.0f);
    } else {
      to[i] = to_bf16(factor * from[i] + (accumulate ? to_f32(to[i]) : 0.0f));
    }
  }
}
