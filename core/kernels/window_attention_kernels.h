// What window attention computes per window and head, apart from tape and threads. The kernels
// exist for two vector widths in one build; everything of one head stays in the first-level cache.
#pragma once

#include <cstdint>

namespace tessera::ops {

/// Added to the logit of what is no key: its probability becomes exactly 0.
inline constexpr float kExcluded = -1e30f;

/// Sizes of one call. Tiles are row-major with rows rounded up to whole vectors; what lies beyond
/// `tokens` rows or `head_dim` columns of a q, k or v tile is zero.
struct AttentionShape {
  std::int64_t height, width, num_heads, head_dim;
  std::int64_t window_h, window_w, shift_h, shift_w;
  std::int64_t windows_y, windows_x;  ///< per image
  bool mask_padding, roll_first, cosine, bf16;
  bool dots;  ///< products of bf16 pairs: the target has them, the map is bf16 and not cosine

  std::int64_t tokens;     ///< N, of a window
  std::int64_t row_block;  ///< rows that a kernel computes at once
  std::int64_t rows;       ///< of a tile: at least N, whole row blocks
  std::int64_t keys;       ///< row length of a score tile: N in whole vectors
  std::int64_t columns;    ///< row length of a q, k or v tile: head_dim in whole vectors

  std::int64_t channels() const { return num_heads * head_dim; }
};

/// Fills in the sizes of the tiles for vectors of `lanes` floats.
void set_tile_sizes(AttentionShape& shape, std::int64_t lanes);

/// What one thread works in.
struct AttentionWorkspace {
  std::int64_t* token;     ///< [keys] index of the token in [B, H, W], -1 in the padding
  std::int32_t* region;    ///< [keys] logits between different regions get -100
  float* key_mask;         ///< [keys] added to the logits: 0 or kExcluded
  bool masked;             ///< regions or key_mask matter in this window
  float *q, *k, *v;        ///< [rows, columns]; q times its scale
  float* out;              ///< [rows, columns] output, or a gradient on its way
  float* k_transposed;     ///< [columns, keys]
  float* scores;           ///< [row_block, keys]; backward without dots: [rows, keys]
  float *q_norm, *k_norm;  ///< [rows] 1 / norm, cosine attention only
  float* dout;             ///< [rows, columns], backward only
  float* v_transposed;     ///< [columns, keys], backward only
  float* dscores;          ///< as scores, backward only
  // With dots alone. Tiles q, k, v and dout are bf16 then; a word is two bf16 elements.
  float *p, *ds;              ///< bf16 [rows, keys]: probabilities, gradients of the logits
  float *p_pairs, *ds_pairs;  ///< words [word_rows, keys] of elements from two rows
  float* pairs;               ///< words [word_rows, columns] of elements from two rows of a tile
  float* pad;                 ///< bf16 rows q, k and v of a token of the padding, and one of zeros
};

/// Rows of a tile of words that hold an element of two rows each, in whole vectors of any target.
std::int64_t word_rows(const AttentionShape& shape);

/// 4-byte elements of a workspace.
std::int64_t workspace_size(const AttentionShape& shape, bool backward);

/// Lays a workspace out in zeroed, 64-byte aligned memory.
AttentionWorkspace make_workspace(const AttentionShape& shape, bool backward, float* memory);

/// Along one axis: where in the map the place `at` of the rolled and padded map comes from; what is
/// not below `length` is padding.
std::int64_t rolled_from(std::int64_t at, std::int64_t length, std::int64_t padded,
                         std::int64_t shift, bool roll_first);

/// Fills token, region, key_mask and masked for window number `window` of the batch.
void place_window(const AttentionShape& shape, std::int64_t window, AttentionWorkspace& workspace);

struct AttentionForward {
  AttentionShape shape;
  const void* qkv;          ///< [B, H, W, 3C]
  const float* bias;        ///< [num_heads, rows, keys] or [keys], kExcluded beyond column N
  std::int64_t bias_step;   ///< from one head's bias to the next; 0: one for all
  std::int64_t bias_row;    ///< from one row of it to the next; 0: one for all
  const float* pad_qkv;     ///< [3C] or null: zeros
  const float* head_scale;  ///< [num_heads] factor of the logits
  void* out;                ///< [B, H, W, C]
};

struct AttentionBackward {
  AttentionForward forward;  ///< `out` is not used
  const void* dout;          ///< [B, H, W, C]
  void* dqkv;                ///< [B, H, W, 3C]
  bool accumulate;           ///< dqkv is added to
  // Sums over the items of one call, each added to:
  float* dbias;         ///< [num_heads, rows, keys], or null
  float* dpad_qkv;      ///< [3C]
  float* dlogit_scale;  ///< [num_heads], before the clamp
};

/// The two passes over items [begin, end); item = window * num_heads + head.
struct AttentionKernels {
  void (*forward)(const AttentionForward& args, float* memory, std::int64_t begin,
                  std::int64_t end);
  void (*backward)(const AttentionBackward& args, float* memory, std::int64_t begin,
                   std::int64_t end);
  bool has_dots;  ///< runs shapes with `dots`
};

}  // namespace tessera::ops
