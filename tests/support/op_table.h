// Every op with the shapes it is tested and measured at: tests/core/ops/table_test.cpp runs the
// checks that all of them must pass, bench/ops.cpp their benchmarks.
#pragma once

#include <string>
#include <vector>

#include "tests/support/op.h"

namespace tessera::test {

/// Random normal values: shift + scale * value, where `gap` keeps value away from 0.
struct OpInput {
  Shape shape;
  float scale = 1.0f;
  float shift = 0.0f;
  float gap = 0.0f;
};

struct OpCase {
  std::string name;             ///< as the op calls itself on the tape
  std::vector<OpInput> inputs;  ///< differentiable, f32
  Op op;
  std::size_t activations = 1;   ///< so many of the inputs, from the first, may be bf16
  std::string variant = "";      ///< what tells cases of equal shapes apart
  double bf16_tolerance = 2e-2;  ///< of result and gradients, see check_bf16
};

/// `linear/3x5,7x5,7` or `space_to_depth/2x2/2x7x5x3`; no two cases share one.
std::string title(const OpCase& op_case);

std::vector<Tensor> make_inputs(const OpCase& op_case);

struct OpTable {
  std::vector<OpCase> small;  ///< quick to differentiate numerically; odd sizes, and some in parts
  std::vector<OpCase> large;  ///< of Swin-T at 224 px (8 images) and of the 32 px model (128)
};

const OpTable& op_table();

}  // namespace tessera::test
