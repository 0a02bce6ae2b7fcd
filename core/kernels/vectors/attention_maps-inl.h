// Between maps of tokens and the tiles of one head and window.
#pragma once

#include "core/kernels/vectors/tile-inl.h"

namespace tessera::ops {
namespace {

// The rows of `token`s in a map of rows `step` elements long -> tile [N, columns]. Tokens of the
// padding get `pad`, or zeros.
template <typename T>
void gather(const AttentionShape& s, const AttentionWorkspace& w, const T* map, Index step,
            const float* pad, float factor, float* tile) {
  for (Index i = 0; i < s.tokens; ++i) {
    float* const row = tile + i * s.columns;
    if (w.token[i] >= 0) {
      load_row(map + w.token[i] * step, s.head_dim, factor, row);
    } else if (pad != nullptr) {
      load_row(pad, s.head_dim, factor, row);
    } else {
      for (Index j = 0; j < s.columns; j += kLanes) store(row + j, Vec{});
    }
  }
}

// Asks for the rows of `count` tokens from `first` on of the next item's `parts` tiles: the next
// head's, or after the last head those of the window to the right, as far as that is a guess.
template <typename T>
TESSERA_INLINE void prefetch_next(const AttentionShape& s, const AttentionWorkspace& w,
                                  const T* map, Index parts, Index head, Index first, Index count) {
  constexpr Index kLine = 64 / sizeof(T);
  const Index next =
      head + 1 < s.num_heads ? s.head_dim : s.window_w * parts * s.channels() - head * s.head_dim;
  for (Index i = first; i < std::min(first + count, s.tokens); ++i) {
    const auto* const row = map + w.token[i] * parts * s.channels() + next;
    for (Index part = 0; part < parts; ++part) {
      for (Index j = 0; j < s.head_dim; j += kLine) {
        __builtin_prefetch(row + part * s.channels() + j, 0, 2);
      }
    }
  }
}

// Adds the rows of a tile of gradients to the map; those of the padding to dpad.
template <typename T>
void scatter(const AttentionBackward& a, const AttentionWorkspace& w, Index channel, float factor) {
  const AttentionShape& s = a.forward.shape;
  for (Index i = 0; i < s.tokens; ++i) {
    const float* const row = w.out + i * s.columns;
    if (w.token[i] >= 0 && a.dqkv != nullptr) {
      T* const to = static_cast<T*>(a.dqkv) + w.token[i] * 3 * s.channels() + channel;
      store_row(row, s.head_dim, factor, a.accumulate, to);
    } else if (w.token[i] < 0) {
      store_row(row, s.head_dim, factor, true, a.dpad_qkv + channel);
    }
  }
}

// Calls body(head, workspace) for items [begin, end), with each item's window in place.
template <typename Body>
TESSERA_INLINE void for_items(const AttentionShape& s, AttentionWorkspace& w, Index begin,
                              Index end, Body body) {
  for (Index item = begin; item < end; ++item) {
    const Index head = item % s.num_heads;
    if (item == begin || head == 0) place_window(s, item / s.num_heads, w);
    body(head);
  }
}

}  // namespace
}  // namespace tessera::ops
