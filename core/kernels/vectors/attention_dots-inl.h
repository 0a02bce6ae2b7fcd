// One head of one window in bf16, its products as dots-inl.h has them. Probabilities and the
// gradients of logits are rounded to bf16 before they are multiplied; softmax is in f32.
#pragma once

#include "core/kernels/vectors/attention_maps-inl.h"
#include "core/kernels/vectors/dots-inl.h"

#if TESSERA_BF16_UNIT

namespace tessera::ops {
namespace {

// Words of a row of a q, k, v or dout tile: head_dim elements in whole vectors.
TESSERA_INLINE Index words_of(const AttentionShape& s) {
  return (s.head_dim + kWordLanes - 1) / kWordLanes * kLanes;
}

constexpr Index pairs_of(Index elements) { return (elements + 1) / 2; }

// One row of a tile: head_dim elements, then zeros. kDim is head_dim if known when compiling, or 0.
template <Index kDim>
TESSERA_INLINE void copy_words(const BF16* from, Index head_dim, float* to) {
  if constexpr (kDim == 16) {
    store(to, _mm512_maskz_loadu_epi16(0xffffU, from));
  } else if constexpr (kDim == 32) {
    store(to, load<__m512i>(from));
  } else {
    for (Index j = 0; j < head_dim; j += kWordLanes) {
      const Index count = std::min(kWordLanes, head_dim - j);
      store(to + j / 2, _mm512_maskz_loadu_epi16(0xffffffffU >> (kWordLanes - count), from + j));
    }
  }
}

template <Index kDim>
TESSERA_INLINE void gather_rows(const AttentionShape& s, const AttentionWorkspace& w,
                                const BF16* map, Index step, const BF16* pad, float* tile) {
  const Index words = kDim != 0 ? kLanes : words_of(s);
  for (Index i = 0; i < s.tokens; ++i) {
    const BF16* const from = w.token[i] >= 0 ? map + w.token[i] * step : pad;
    copy_words<kDim>(from, s.head_dim, tile + i * words);
  }
}

// The rows of `token`s in a map of rows `step` elements long -> bf16 tile [N, words]. Tokens of the
// padding get `pad`.
void gather_words(const AttentionShape& s, const AttentionWorkspace& w, const BF16* map, Index step,
                  const BF16* pad, float* tile) {
  switch (s.head_dim) {
    case 16:
      return gather_rows<16>(s, w, map, step, pad, tile);
    case 32:
      return gather_rows<32>(s, w, map, step, pad, tile);
    default:
      return gather_rows<0>(s, w, map, step, pad, tile);
  }
}

// Softmax of kRows rows of dot products in place, not yet divided: e = exp(factor * dot + bias +
// mask - largest); scale gets 1 / sum. kKeys is the length of a row if known when compiling, or 0.
template <int kRows, Index kKeys>
TESSERA_INLINE void exp_rows(const AttentionShape& s, const AttentionWorkspace& w, float factor,
                             const float* bias, Index bias_row, Index first, float* scores,
                             float* scale) {
  constexpr float kOtherRegion = -100.0f, kLog2E = 1.44269504f;
  const Index keys = kKeys != 0 ? kKeys : s.keys;
  Vec rows[8] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    float* const row = scores + i * keys;
    const float* const row_bias = bias + i * bias_row;
    Vec largest = Vec{} - 3e38f;
#pragma GCC unroll 4
    for (Index j = 0; j < keys; j += kLanes) {
      Vec logit = load(row + j) * factor + load(row_bias + j);
      if (w.masked) {
        const std::int32_t region = w.region[std::min(first + i, s.tokens - 1)];
        const Vec other = load<VecInt>(w.region + j) == region ? Vec{} : Vec{} + kOtherRegion;
        logit += load(w.key_mask + j) + other;
      }
      store(row + j, logit);
      largest = larger(logit, largest);
    }
    rows[i] = largest;
  }
  float across_rows[kLanes];
  store(across_rows, across(rows, larger));
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    float* const row = scores + i * keys;
    const Vec top = Vec{} + across_rows[kRowLane[i]];
    Vec sum = {};
#pragma GCC unroll 4
    for (Index j = 0; j < keys; j += kLanes) {
      const Vec e = coarse_exp2(kLog2E * (load(row + j) - top));
      store(row + j, e);
      sum += e;
    }
    rows[i] = sum;
  }
  const Vec sums = across(rows, plus);
  store(across_rows, 1.0f / sums);
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) scale[i] = across_rows[kRowLane[i]];
}

template <int kRows>
void exp_block(const AttentionForward& a, const AttentionWorkspace& w, Index head, Index first,
               float* scores, float* scale) {
  const AttentionShape& s = a.shape;
  const float factor = a.head_scale[head];
  const Index step = a.bias_row;
  const float* const bias = a.bias + head * a.bias_step + first * step;
  switch (s.keys) {
    case 16:  // 4x4 tokens
      return exp_rows<kRows, 16>(s, w, factor, bias, step, first, scores, scale);
    case 64:  // 7x7 tokens and 8x8
      return exp_rows<kRows, 64>(s, w, factor, bias, step, first, scores, scale);
    default:
      return exp_rows<kRows, 0>(s, w, factor, bias, step, first, scores, scale);
  }
}

// Tiles q, k and v of one head in bf16 and k transposed.
void gather_words_qkv(const AttentionForward& a, const AttentionWorkspace& w, Index channel) {
  const AttentionShape& s = a.shape;
  const Index channels = s.channels(), step = 3 * channels, words = words_of(s);
  const BF16* const qkv = static_cast<const BF16*>(a.qkv) + channel;
  float* const tiles[] = {w.q, w.k, w.v};
  for (Index part = 0; part < 3; ++part) {
    BF16* const pad = reinterpret_cast<BF16*>(w.pad + part * words);
    if (a.pad_qkv != nullptr) {
      store_row(a.pad_qkv + part * channels + channel, s.head_dim, 1.0f, false, pad);
    }
    gather_words(s, w, qkv + part * channels, step, pad, tiles[part]);
  }
  transpose(w.k, s.keys, words, w.k_transposed);
}

template <int kRows>
void forward_dots(const AttentionForward& a, const AttentionWorkspace& w, Index head) {
  const AttentionShape& s = a.shape;
  const Index channel = head * s.head_dim, words = words_of(s), token_pairs = pairs_of(s.tokens);
  gather_words_qkv(a, w, channel);
  pair_rows(w.v, words, token_pairs, s.columns, w.pairs);
  const BF16* const qkv = static_cast<const BF16*>(a.qkv) + channel;
  BF16* const out = static_cast<BF16*>(a.out) + channel;
  for (Index first = 0; first < s.tokens; first += kRows) {
    float scale[kRows];
    dots<kRows>(w.q + first * words, {words, 1}, w.k_transposed, pairs_of(s.head_dim), s.keys,
                w.scores);
    prefetch_next(s, w, qkv, 3, head, first, kRows);
    exp_block<kRows>(a, w, head, first, w.scores, scale);
    round_row(w.scores, kRows * s.keys, w.p);
    dots<kRows>(w.p, {s.keys / 2, 1}, w.pairs, token_pairs, s.columns, w.out);
    for (Index i = 0; i < std::min<Index>(kRows, s.tokens - first); ++i) {
      const Index token = w.token[first + i];
      if (token < 0) continue;
      store_row(w.out + i * s.columns, s.head_dim, scale[i], false, out + token * s.channels());
    }
  }
}

// P = scale e and dS = P (dP - sum_j P dP) of kRows rows, both rounded to bf16; dbias, if there
// is any, += dS.
template <int kRows>
TESSERA_INLINE void softmax_backward_rows(const AttentionShape& s, const float* scale, float* e,
                                          const float* dp, float* dbias, float* p, float* ds) {
  const Index keys = s.keys;
  Vec rows[8] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    Vec products = {};
    for (Index j = 0; j < keys; j += kLanes) {
      const Vec probability = scale[i] * load(e + i * keys + j);
      store(e + i * keys + j, probability);
      products += probability * load(dp + i * keys + j);
    }
    rows[i] = products;
  }
  float means[kLanes];
  store(means, across(rows, plus));
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    const float mean = means[kRowLane[i]];
    for (Index j = i * keys; j < (i + 1) * keys; j += kLanes) {
      const Vec probability = load(e + j);
      const Vec change = probability * (load(dp + j) - mean);
      write(reinterpret_cast<BF16*>(p) + j, probability);
      write(reinterpret_cast<BF16*>(ds) + j, change);
      if (dbias != nullptr) store(dbias + j, load(dbias + j) + change);
    }
  }
}

// C = A B for all tokens, in blocks of kRows.
template <int kRows>
void all_dots(const AttentionShape& s, const float* a, Steps step, const float* b, float* c) {
  for (Index first = 0; first < s.tokens; first += kRows) {
    dots<kRows>(a + first * step.row, step, b, pairs_of(s.tokens), s.columns,
                c + first * s.columns);
  }
}

// C = A^T B for all tokens; `a` holds words of elements from two rows of A, `other` as much memory,
// which keeps numbers of no meaning: they meet the zeros beyond the tokens of a q, k, v or dout
// tile.
template <int kRows>
void transposed_dots(const AttentionShape& s, const float* a, const float* b,
                     [[maybe_unused]] float* other, float* c) {
#if TESSERA_TILES
  const Index pairs = word_rows(s);
  transpose(a, pairs, s.keys, other);
  all_dots<kRows>(s, other, {pairs, 1}, b, c);
#else
  all_dots<kRows>(s, a, {1, s.keys}, b, c);
#endif
}

template <int kRows>
void backward_dots(const AttentionBackward& a, const AttentionWorkspace& w, Index head) {
  const AttentionForward& f = a.forward;
  const AttentionShape& s = f.shape;
  const Index channels = s.channels(), channel = head * s.head_dim, words = words_of(s);
  const Index depth = pairs_of(s.head_dim), token_pairs = pairs_of(s.tokens);
  const BF16* const dout = static_cast<const BF16*>(a.dout) + channel;
  gather_words_qkv(f, w, channel);
  gather_words(s, w, dout, channels, reinterpret_cast<const BF16*>(w.pad + 3 * words), w.dout);
  transpose(w.v, s.keys, words, w.v_transposed);
  const BF16* const qkv = static_cast<const BF16*>(f.qkv) + channel;
  const float factor = f.head_scale[head];
  float* const dbias = a.dbias == nullptr ? nullptr : a.dbias + head * s.rows * s.keys;
  for (Index first = 0; first < s.tokens; first += kRows) {
    float scale[kRows];
    dots<kRows>(w.q + first * words, {words, 1}, w.k_transposed, depth, s.keys, w.scores);
    prefetch_next(s, w, qkv, 3, head, first, kRows);
    exp_block<kRows>(f, w, head, first, w.scores, scale);
    prefetch_next(s, w, dout, 1, head, first, kRows);
    dots<kRows>(w.dout + first * words, {words, 1}, w.v_transposed, depth, s.keys, w.dscores);
    const Index row = first * s.keys / 2;
    softmax_backward_rows<kRows>(s, scale, w.scores, w.dscores,
                                 dbias == nullptr ? dbias : dbias + first * s.keys, w.p + row,
                                 w.ds + row);
  }
  pair_rows(w.p, s.keys / 2, token_pairs, s.keys, w.p_pairs);
  pair_rows(w.ds, s.keys / 2, token_pairs, s.keys, w.ds_pairs);
  // dQ = dS K, dK = dS^T Q, dV = P^T dO.
  pair_rows(w.k, words, token_pairs, s.columns, w.pairs);
  all_dots<kRows>(s, w.ds, {s.keys / 2, 1}, w.pairs, w.out);
  scatter<BF16>(a, w, channel, factor);
  pair_rows(w.q, words, token_pairs, s.columns, w.pairs);
  transposed_dots<kRows>(s, w.ds_pairs, w.pairs, w.ds, w.out);
  scatter<BF16>(a, w, channels + channel, factor);
  pair_rows(w.dout, words, token_pairs, s.columns, w.pairs);
  transposed_dots<kRows>(s, w.p_pairs, w.pairs, w.p, w.out);
  scatter<BF16>(a, w, 2 * channels + channel, 1.0f);
}

}  // namespace
}  // namespace tessera::ops

#endif
