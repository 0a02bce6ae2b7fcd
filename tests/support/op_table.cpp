#include "tests/support/op_table.h"

#include <cmath>

#include "tests/support/op_table/cases.h"

namespace tessera::test {
std::string title(const OpCase& op_case) {
  std::string text = op_case.name;
  if (!op_case.variant.empty()) text += '/' + op_case.variant;
  char separator = '/';
  for (const OpInput& input : op_case.inputs) {
    text += fmt::format("{}{}", separator, fmt::join(input.shape.dims(), "x"));
    separator = ',';
  }
  return text;
}

std::vector<Tensor> make_inputs(const OpCase& op_case) {
  std::vector<Tensor> tensors;
  for (const OpInput& input : op_case.inputs) {
    tensors.push_back(random_tensor(input.shape, tensors.size() + 1, input.scale));
    for (float& value : tensors.back().span()) {
      value += input.shift + std::copysign(input.gap, value);
    }
  }
  return tensors;
}

const OpTable& op_table() {
  static const OpTable table = [] {
    OpTable all;
    for (OpTable (*cases)() :
         {product_cases, attention_cases, map_cases, patch_cases, element_cases, dense_cases}) {
      add(all, cases());
    }
    return all;
  }();
  return table;
}

}  // namespace tessera::test
