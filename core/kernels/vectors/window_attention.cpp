// One head of one window, forward and backward.
#include "core/kernels/vectors/attention_dots-inl.h"

namespace tessera::ops {
namespace {

// Divides the rows of a tile by their norms and multiplies them by `factor`; norm gets 1 / norm.
void normalise(const AttentionShape& s, float* tile, float factor, float* norm) {
  for (Index i = 0; i < s.tokens; ++i) {
    float* const row = tile + i * s.columns;
    Vec squares = {};
    for (Index j = 0; j < s.columns; j += kLanes) squares += load(row + j) * load(row + j);
    norm[i] = 1.0f / std::max(std::sqrt(sum_of(squares)), 1e-12f);
    for (Index j = 0; j < s.columns; j += kLanes) store(row + j, factor * norm[i] * load(row + j));
  }
}

// The gradient of normalised rows -> that of the rows: (g - u (u . g)) / norm, u = unit * to_unit.
// Returns the sum of u . g.
float normalise_backward(const AttentionShape& s, const float* unit, float to_unit,
                         const float* norm, float* gradient) {
  float total = 0.0f;
  for (Index i = 0; i < s.tokens; ++i) {
    const float* const u = unit + i * s.columns;
    float* const g = gradient + i * s.columns;
    Vec products = {};
    for (Index j = 0; j < s.columns; j += kLanes) products += load(u + j) * load(g + j);
    const float dot = to_unit * sum_of(products);
    total += dot;
    const float along = norm[i] < 1e12f ? dot * to_unit : 0.0f;
    for (Index j = 0; j < s.columns; j += kLanes) {
      store(g + j, norm[i] * (load(g + j) - along * load(u + j)));
    }
  }
  return total;
}

// Tiles q (times its scale), k, v and k transposed of one head.
template <typename T>
void gather_qkv(const AttentionForward& a, const AttentionWorkspace& w, Index head) {
  const AttentionShape& s = a.shape;
  const Index channels = s.channels(), step = 3 * channels, first = head * s.head_dim;
  const T* const qkv = static_cast<const T*>(a.qkv) + first;
  const float* const pad = a.pad_qkv == nullptr ? nullptr : a.pad_qkv + first;
  const auto pad_at = [&](Index part) { return pad == nullptr ? pad : pad + part * channels; };
  gather(s, w, qkv, step, pad_at(0), s.cosine ? 1.0f : a.head_scale[head], w.q);
  gather(s, w, qkv + channels, step, pad_at(1), 1.0f, w.k);
  gather(s, w, qkv + 2 * channels, step, pad_at(2), 1.0f, w.v);
  if (s.cosine) {
    normalise(s, w.q, a.head_scale[head], w.q_norm);
    normalise(s, w.k, 1.0f, w.k_norm);
  }
  transpose(w.k, s.keys, s.columns, w.k_transposed);
}

// exp(logits + bias + mask - largest) of `rows` rows in place; scale gets 1 / sum of each row.
// kKeys is the length of a row if known when compiling, or 0.
template <Index kKeys>
void softmax_rows(const AttentionShape& s, const AttentionWorkspace& w, const float* bias,
                  Index bias_row, Index first, Index rows, float* scores, float* scale) {
  constexpr float kOtherRegion = -100.0f;
  const Index keys = kKeys != 0 ? kKeys : s.keys;
  for (Index i = 0; i < rows; ++i) {
    float* const row = scores + i * keys;
    const float* const row_bias = bias + i * bias_row;
    const std::int32_t region = w.region[std::min(first + i, s.tokens - 1)];
    Vec largest = Vec{} - 3e38f;
#pragma GCC unroll 4
    for (Index j = 0; j < keys; j += kLanes) {
      Vec logit = load(row + j) + load(row_bias + j);
      if (w.masked) {
        const Vec other = load<VecInt>(w.region + j) == region ? Vec{} : Vec{} + kOtherRegion;
        logit += load(w.key_mask + j) + other;
      }
      store(row + j, logit);
      largest = larger(logit, largest);
    }
    const float top = largest_of(largest);
    Vec sum = {};
#pragma GCC unroll 4
    for (Index j = 0; j < keys; j += kLanes) {
      const Vec e = exp_approx(load(row + j) - top);
      store(row + j, e);
      sum += e;
    }
    scale[i] = 1.0f / sum_of(sum);
  }
}

void softmax_block(const AttentionForward& a, const AttentionWorkspace& w, Index head, Index first,
                   Index rows, float* scores, float* scale) {
  const AttentionShape& s = a.shape;
  const Index step = a.bias_row;
  const float* const bias = a.bias + head * a.bias_step + first * step;
  switch (s.keys) {
    case 16:  // 4x4 tokens
      return softmax_rows<16>(s, w, bias, step, first, rows, scores, scale);
    case 56:  // 7x7 tokens, 8 lanes
      return softmax_rows<56>(s, w, bias, step, first, rows, scores, scale);
    case 64:  // 7x7 tokens, 16 lanes, and 8x8
      return softmax_rows<64>(s, w, bias, step, first, rows, scores, scale);
    default:
      return softmax_rows<0>(s, w, bias, step, first, rows, scores, scale);
  }
}

template <typename T, int kRows>
void forward_head(const AttentionForward& a, const AttentionWorkspace& w, Index head) {
  const AttentionShape& s = a.shape;
  gather_qkv<T>(a, w, head);
  T* const out = static_cast<T*>(a.out) + head * s.head_dim;
  for (Index first = 0; first < s.tokens; first += kRows) {
    float scale[kRows];
    product<kRows, Left::kPlain>(w.q + first * s.columns, s.columns, w.k_transposed, kRows,
                                 s.head_dim, s.keys, w.scores);
    prefetch_next(s, w, static_cast<const T*>(a.qkv) + head * s.head_dim, 3, head, first, kRows);
    softmax_block(a, w, head, first, kRows, w.scores, scale);
    product<kRows, Left::kPlain>(w.scores, s.keys, w.v, kRows, s.tokens, s.columns, w.out);
    for (Index i = 0; i < std::min<Index>(kRows, s.tokens - first); ++i) {
      const Index token = w.token[first + i];
      if (token < 0) continue;
      store_row(w.out + i * s.columns, s.head_dim, scale[i], false, out + token * s.channels());
    }
  }
}

// dS = P (dP - sum_j P dP) of `rows` rows, in place of dP; P gets its factor 1 / sum; dbias, if
// there is any, += dS.
void softmax_backward(const AttentionShape& s, Index rows, const float* scale, float* p,
                      float* dscores, float* dbias) {
  for (Index i = 0; i < rows; ++i) {
    float* const p_row = p + i * s.keys;
    float* const row = dscores + i * s.keys;
    float* const bias_row = dbias == nullptr ? nullptr : dbias + i * s.keys;
    Vec products = {};
    for (Index j = 0; j < s.keys; j += kLanes) {
      const Vec probability = scale[i] * load(p_row + j);
      store(p_row + j, probability);
      products += probability * load(row + j);
    }
    const float mean = sum_of(products);
    for (Index j = 0; j < s.keys; j += kLanes) {
      const Vec ds = load(p_row + j) * (load(row + j) - mean);
      store(row + j, ds);
      if (bias_row != nullptr) store(bias_row + j, load(bias_row + j) + ds);
    }
  }
}

template <typename T, int kRows>
void backward_head(const AttentionBackward& a, const AttentionWorkspace& w, Index head) {
  const AttentionForward& f = a.forward;
  const AttentionShape& s = f.shape;
  const Index channel = head * s.head_dim, rows = (s.tokens + kRows - 1) / kRows * kRows;
  gather_qkv<T>(f, w, head);
  gather(s, w, static_cast<const T*>(a.dout) + channel, s.channels(), nullptr, 1.0f, w.dout);
  transpose(w.v, s.keys, s.columns, w.v_transposed);
  float* const dbias = a.dbias == nullptr ? nullptr : a.dbias + head * s.rows * s.keys;
  for (Index first = 0; first < s.tokens; first += kRows) {
    float scale[kRows];
    float* const p = w.scores + first * s.keys;
    float* const ds = w.dscores + first * s.keys;
    product<kRows, Left::kPlain>(w.q + first * s.columns, s.columns, w.k_transposed, kRows,
                                 s.head_dim, s.keys, p);
    prefetch_next(s, w, static_cast<const T*>(f.qkv) + channel, 3, head, first, kRows);
    softmax_block(f, w, head, first, kRows, p, scale);
    prefetch_next(s, w, static_cast<const T*>(a.dout) + channel, 1, head, first, kRows);
    product<kRows, Left::kPlain>(w.dout + first * s.columns, s.columns, w.v_transposed, kRows,
                                 s.head_dim, s.keys, ds);
    softmax_backward(s, kRows, scale, p, ds, dbias == nullptr ? dbias : dbias + first * s.keys);
  }
  const float factor = f.head_scale[head];
  // dQ = dS K, dK = dS^T Q, dV = P^T dO; the tile of q holds q times its scale.
  product<kRows, Left::kPlain>(w.dscores, s.keys, w.k, rows, s.tokens, s.columns, w.out);
  if (s.cosine) {
    a.dlogit_scale[head] += factor * normalise_backward(s, w.q, 1.0f / factor, w.q_norm, w.out);
  }
  scatter<T>(a, w, channel, factor);
  product<kRows, Left::kTransposed>(w.dscores, s.keys, w.q, rows, s.tokens, s.columns, w.out);
  if (s.cosine) normalise_backward(s, w.k, 1.0f, w.k_norm, w.out);
  scatter<T>(a, w, s.channels() + channel, 1.0f);
  product<kRows, Left::kTransposed>(w.scores, s.keys, w.dout, rows, s.tokens, s.columns, w.out);
  scatter<T>(a, w, 2 * s.channels() + channel, 1.0f);
}

template <typename T>
auto forward_of(const AttentionShape& s) {
#if TESSERA_BF16_UNIT
  if (s.dots) return s.row_block == 7 ? forward_dots<7> : forward_dots<8>;
#endif
  return s.row_block == 7 ? forward_head<T, 7> : forward_head<T, 8>;
}

template <typename T>
auto backward_of(const AttentionShape& s) {
#if TESSERA_BF16_UNIT
  if (s.dots) return s.row_block == 7 ? backward_dots<7> : backward_dots<8>;
#endif
  return s.row_block == 7 ? backward_head<T, 7> : backward_head<T, 8>;
}

#if TESSERA_TILES
// A window's rows that are multiplied at once.
TileScope tiles_of(const AttentionShape& s) { return TileScope(s.row_block); }
#else
int tiles_of(const AttentionShape&) { return 0; }
#endif

void forward(const AttentionForward& args, float* memory, Index begin, Index end) {
  const AttentionShape& s = args.shape;
  [[maybe_unused]] const auto tiles = tiles_of(s);
  AttentionWorkspace w = make_workspace(s, false, memory);
  const auto run = s.bf16 ? forward_of<BF16>(s) : forward_of<float>(s);
  for_items(s, w, begin, end, [&](Index head) { run(args, w, head); });
}

void backward(const AttentionBackward& args, float* memory, Index begin, Index end) {
  const AttentionShape& s = args.forward.shape;
  [[maybe_unused]] const auto tiles = tiles_of(s);
  AttentionWorkspace w = make_workspace(s, true, memory);
  const auto run = s.bf16 ? backward_of<BF16>(s) : backward_of<float>(s);
  for_items(s, w, begin, end, [&](Index head) { run(args, w, head); });
}

}  // namespace
}  // namespace tessera::ops

namespace tessera::TESSERA_TARGET {
extern const ops::AttentionKernels kAttentionKernels;
const ops::AttentionKernels kAttentionKernels{ops::forward, ops::backward, ops::kBf16Unit};
}  // namespace tessera::TESSERA_TARGET
