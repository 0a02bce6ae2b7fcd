// Vectors of kLanes floats, in memory as f32 or bf16.
#pragma once

#include "core/kernels/vectors/target-inl.h"

namespace tessera::ops {
namespace {

using Vec [[gnu::vector_size(kLanes * sizeof(float))]] = float;
using VecInt = decltype(Vec{} < Vec{});
using Words [[gnu::vector_size(kLanes * sizeof(std::uint32_t))]] = std::uint32_t;
using Halves [[gnu::vector_size(kLanes * sizeof(std::uint16_t))]] = std::uint16_t;
using Bytes [[gnu::vector_size(kLanes)]] = std::uint8_t;
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

// GCC 12 converts 16 lanes in two halves and puts them together again, and narrows 8 by a dozen
// shuffles, so that is asked for by name (16 lanes with a mask of all: without one, GCC warns of
// its own header). Templates, for what is not chosen need not compile.
[[maybe_unused]] constexpr std::uint16_t kAllLanes = 0xffff;

template <typename H>
TESSERA_INLINE VecInt widen(H halves) {
#if defined(__x86_64__)
  if constexpr (sizeof(H) == 32) {
    const auto words = _mm512_maskz_cvtepu16_epi32(kAllLanes, load<__m256i>(&halves));
    return load<VecInt>(&words);
  } else if constexpr (sizeof(H) == 16) {
    const auto words = _mm256_cvtepu16_epi32(load<__m128i>(&halves));
    return load<VecInt>(&words);
  }
#endif
  return __builtin_convertvector(halves, VecInt);
}

/// The lower halves of words below 2^16.
template <typename V>
TESSERA_INLINE Halves narrow(V words) {
#if defined(__x86_64__)
  if constexpr (sizeof(V) == 64) {
    const auto halves = _mm512_maskz_cvtepi32_epi16(kAllLanes, load<__m512i>(&words));
    return load<Halves>(&halves);
  } else if constexpr (sizeof(V) == 32) {
    const auto all = load<__m256i>(&words);
    const auto packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(all, all), 0x88);
    return load<Halves>(&packed);
  }
#endif
  return __builtin_convertvector(words, Halves);
}

/// kLanes elements as floats.
TESSERA_INLINE Vec read(const float* from) { return load(from); }
TESSERA_INLINE Vec read(const BF16* from) {
  return __builtin_bit_cast(Vec, widen(load<Halves>(from)) << 16);
}

/// Rounds as to_bf16 does; the instruction, where there is one, takes subnormal numbers for zero.
template <typename V>
TESSERA_INLINE void write(float* to, V value) {
  store(to, value);
}
template <typename V>
TESSERA_INLINE void write(BF16* to, V value) {
#if defined(__x86_64__)
  if constexpr (kBf16Unit && sizeof(V) == 64) {
    return store(to, _mm512_cvtneps_pbh(load<__m512>(&value)));
  }
#endif
  const Words bits = __builtin_bit_cast(Words, value);
  const Words rounded = bits + 0x7fff + ((bits >> 16) & 1);
  store(to, narrow((value == value ? rounded : (bits | 0x400000)) >> 16));
}

/// The whole part of values cut off at 0 and 255; of NaN 0.
template <typename V>
TESSERA_INLINE void write(std::uint8_t* to, V value) {
  constexpr float kLargest = 255.0f;
  const V low = value > 0.0f ? value : V{};
  const V cut = low < kLargest ? low : V{} + kLargest;
#if defined(__x86_64__)
  if constexpr (sizeof(V) == 64) {
    return store(to, _mm512_maskz_cvtepi32_epi8(
                         kAllLanes, _mm512_maskz_cvttps_epi32(kAllLanes, load<__m512>(&cut))));
  }
#endif
  store(to, __builtin_convertvector(__builtin_convertvector(cut, VecInt), Bytes));
}

/// The mask of the first `count` < 16 lanes.
TESSERA_INLINE std::uint16_t first_lanes(Index count) {
  return static_cast<std::uint16_t>((1U << static_cast<unsigned>(count)) - 1U);
}

/// The first `count` < kLanes elements, then zeros.
template <typename T, typename V = Vec>
TESSERA_INLINE V read_some(const T* from, Index count) {
#if defined(__x86_64__)
  if constexpr (sizeof(V) == 64 && std::is_same_v<T, float>) {
    const auto elements = _mm512_maskz_loadu_ps(first_lanes(count), from);
    return load<V>(&elements);
  } else if constexpr (sizeof(V) == 64) {
    const auto elements = _mm256_maskz_loadu_epi16(first_lanes(count), from);
    return __builtin_bit_cast(V, widen(load<Halves>(&elements)) << 16);
  }
#endif
  T elements[kLanes] = {};
  std::memcpy(static_cast<void*>(elements), from, static_cast<std::size_t>(count) * sizeof(T));
  return read(elements);
}

template <typename T, typename V>
TESSERA_INLINE void write_some(T* to, V value, Index count) {
  T elements[kLanes];
#if defined(__x86_64__)
  if constexpr (sizeof(T) == 1) {
    // Bytes: below.
  } else if constexpr (sizeof(V) == 64 && std::is_same_v<T, float>) {
    return _mm512_mask_storeu_ps(to, first_lanes(count), load<__m512>(&value));
  } else if constexpr (sizeof(V) == 64) {
    write(elements, value);
    return _mm256_mask_storeu_epi16(to, first_lanes(count), load<__m256i>(elements));
  }
#endif
  write(elements, value);
  std::memcpy(static_cast<void*>(to), elements, static_cast<std::size_t>(count) * sizeof(T));
}

// 0, 1, 2, ...
template <int... kLane>
constexpr VecInt lane_numbers(std::integer_sequence<int, kLane...>) {
  return VecInt{kLane...};
}

/// The first `count` elements of `value`, then zeros.
TESSERA_INLINE Vec first_of(Vec value, Index count) {
  return lane_numbers(Lanes()) < static_cast<std::int32_t>(count) ? value : Vec{};
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

}  // namespace
}  // namespace tessera::ops
