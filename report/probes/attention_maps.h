// Where a network looks (attention on the image, with shifts and windows undone), and what it has
// learned about places.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "layers/model_config.h"
#include "layers/window_attention.h"

namespace tessera {

/// The attention of one block in one image, on the tokens as they lie in the image.
struct AttentionMap {
  std::int64_t stage = 0;
  std::int64_t block = 0;      ///< of the stage
  Tensor heads;                ///< [heads, h, w] f32
  Size2 cell{};                ///< pixels of the model's image that a token stands for
  Size2 first{};               ///< where the cell of the first token begins; those before are its
  Size2 seen{};                ///< pixels that any token sees; {0, 0}: those of the cells
  std::optional<Size2> query;  ///< row and column of the token that pays, if it is one of the map

  /// [h, w], the mean over all heads.
  Tensor mean() const;
};

/// One map a block, for image `image` of the batch that left `trace` in a model of `config`:
/// - with `pixel` (y, x of the model's image): what the token there pays to every token. The rest
///   of 1 goes to padding that takes part, or to a class token;
/// - else, if the model pools a class token: what that one pays;
/// - else what every token receives from all tokens together. Each has 1 to give away, so that 1 is
///   also what all receive where attention is even.
/// Throws ConfigError for a pixel that belongs to no patch.
std::vector<AttentionMap> attention_maps(const ModelTrace& trace, const ModelConfig& config,
                                         std::int64_t image, std::optional<Size2> pixel = {});

}  // namespace tessera

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
