// What happens inside a network during a forward pass, for those who want to look.
#pragma once

#include <vector>

#include "core/ops/attention_probabilities.h"

namespace tessera {

struct ModelTrace {
  /// The arguments of every block's attention, blocks counted through all stages.
  std::vector<ops::AttentionArguments> attention;
};

}  // namespace tessera
