// Passes over single elements.
#pragma once

#include "core/tape.h"

namespace tessera {

/// `sum += term`, element by element; f32 or bf16, the same dtype and number of elements.
void add_into(const Tensor& sum, const Tensor& term);

namespace ops {

/// a + b, of one shape.
Var add(Tape& tape, const Var& a, const Var& b);

}  // namespace ops
}  // namespace tessera
