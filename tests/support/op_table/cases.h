// The parts that the table of ops is put together from.
#pragma once

#include <utility>

#include "tests/support/op_table.h"

namespace tessera::test {

OpTable product_cases();
OpTable attention_cases();
OpTable map_cases();
OpTable patch_cases();
OpTable element_cases();
OpTable dense_cases();

/// Feature maps [B, H, W, C] of the two models that `large` is about.
inline const std::vector<Shape> kLargeMaps = {
    {8, 56, 56, 96},   {8, 28, 28, 192}, {8, 14, 14, 384}, {8, 7, 7, 768},
    {128, 16, 16, 48}, {128, 8, 8, 96},  {128, 4, 4, 192},
};

/// `make(shape)` for each shape.
template <typename Make>
std::vector<OpCase> each_of(const std::vector<Shape>& shapes, Make&& make) {
  std::vector<OpCase> cases;
  for (const Shape& shape : shapes) cases.push_back(make(shape));
  return cases;
}

inline void add(OpTable& table, const OpTable& part) {
  table.small.insert(table.small.end(), part.small.begin(), part.small.end());
  table.large.insert(table.large.end(), part.large.begin(), part.large.end());
}

}  // namespace tessera::test
