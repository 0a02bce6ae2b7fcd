// Models of nothing but parameters: odd sizes, with and without weight decay.
#pragma once

#include <cstring>
#include <utility>
#include <vector>

#include "core/parameter.h"
#include "core/rng.h"
#include "tests/support/threads.h"

namespace tessera::test {

struct ToyModel {
  std::vector<Parameter> parameters;

  void visit(ParameterVisitor& visitor) { visitor("p", parameters); }

  /// Sizes around cache lines and vectors; the large ones are split between threads. Neighbours
  /// with the same decay share a run.
  static ToyModel odd() {
    ToyModel model;
    for (const auto& [size, decay] : std::vector<std::pair<std::int64_t, bool>>{{1, true},
                                                                                {17, false},
                                                                                {16, false},
                                                                                {165, true},
                                                                                {40'003, true},
                                                                                {31, false},
                                                                                {50'021, false},
                                                                                {7, true}}) {
      model.parameters.push_back(Parameter({size}, Init::uniform(1.0f), decay));
    }
    return model;
  }

  /// Matrices and weights of convolutions among vectors; one matrix that does not decay.
  static ToyModel matrices() {
    ToyModel model;
    for (const auto& [shape, decay] : std::vector<std::pair<Shape, bool>>{{{9, 5}, true},
                                                                          {{17}, false},
                                                                          {{6, 50}, true},
                                                                          {{8, 3, 2, 2}, true},
                                                                          {{13, 4}, false},
                                                                          {{31}, true},
                                                                          {{1, 7}, true},
                                                                          {{40, 40}, true}}) {
      model.parameters.push_back(Parameter(shape, Init::uniform(1.0f), decay));
      model.parameters.back().is_matrix = decay && shape.rank() >= 2;
    }
    return model;
  }
};

/// Gradients of step `step`: normal values, zero between the entries.
inline void draw_gradients(ParameterStore& store, std::uint64_t step) {
  std::uint64_t index = 0;
  for (const ParameterStore::Entry& entry : store.entries()) {
    Rng rng(11, Stream::kSynthetic, step, index++);
    for (float& value : entry.parameter->grad.span()) value = rng.normal();
  }
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

}  // namespace tessera::test
