// What happens inside a network during a forward pass, for those who want to look.
#pragma once

#include <vector>

#include "core/ops/attention_probabilities.h"
#include "core/tape.h"

namespace tessera {

struct ModelTrace {
  /// What every stage puts out, before merging and norm: [B, h, w, C] (ViT has one stage; with a
  /// class token [B, 1, 1 + h w, C]).
  std::vector<Var> features;
  /// The arguments of every block's attention, blocks counted through all stages.
  std::vector<ops::AttentionArguments> attention;
};

}  // namespace tessera
