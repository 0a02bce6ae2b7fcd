// What a network has learned about places.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "layers/window_attention.h"

namespace tessera::report {

struct PositionMap {
  std::int64_t block = 0;  ///< counted through all stages
  Tensor heads;            ///< [heads, 2 wh - 1, 2 ww - 1] f32
};

/// What each head of each block adds to the logit of a key by its place seen from the query, which
/// is in the middle. Relative and continuous biases alike; blocks without one are left out.
std::vector<PositionMap> position_maps(const ModelTrace& trace);

/// The cosine of the learned vector of the token at each of `rows` x `columns` places, evenly over
/// the map, with those of all tokens: [places, h, w], from `table` [1, extra + h w, C].
Tensor position_similarity(const Tensor& table, std::array<std::int64_t, 2> map, std::int64_t rows,
                           std::int64_t columns);

}  // namespace tessera::report
