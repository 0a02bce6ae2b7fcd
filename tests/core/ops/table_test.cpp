// What every op must get right, whatever it computes. One op alone: --subcase='gelu*'
#include <cstring>
#include <set>

#include "core/error.h"
#include "tests/support/op_check.h"
#include "tests/support/op_table.h"
#include "tests/support/threads.h"

namespace tessera {
namespace {

using test::OpCase;
using test::OpResult;

template <typename Check>
void for_each_case(Check&& check) {
  for (const OpCase& op_case : test::op_table().small) {
    SUBCASE(test::title(op_case).c_str()) { check(op_case, test::make_inputs(op_case)); }
  }
}

TEST_CASE("gradients of every op agree with finite differences") {
  for_each_case([](const OpCase& c, const std::vector<Tensor>& inputs) {
    test::check_gradients(inputs, c.op);
  });
}

TEST_CASE("every op in bf16 stays within bf16 rounding of f32") {
  for_each_case([](const OpCase& c, const std::vector<Tensor>& inputs) {
    if (c.activations > 0) test::check_bf16(inputs, c.activations, c.op, c.bf16_tolerance);
  });
}

TEST_CASE("gradients of every op add to those that are there") {
  for_each_case([](const OpCase& c, const std::vector<Tensor>& inputs) {
    test::check_accumulation(inputs, c.op);
  });
}

/// The gradient of input i, which is input j too: as one Var, or as two of one Parameter.
Tensor tied_gradient(const OpCase& c, const std::vector<Tensor>& inputs, std::size_t i,
                     std::size_t j, bool parameter) {
  Parameter owner(inputs[i].shape(), Init::zeros(), true);
  owner.value = inputs[i];
  owner.grad = Tensor::full(inputs[i].shape(), 99.0f);  // stale: to be overwritten
  Tape tape;
  std::vector<Var> vars;
  for (const Tensor& input : inputs) vars.push_back(tape.leaf(input));
  if (parameter) vars[i] = tape.parameter(owner);
  vars[j] = parameter ? tape.parameter(owner) : vars[i];
  test::run_probe(tape, c.op(tape, vars));
  return parameter ? owner.grad : tape.grad(vars[i]);
}

TEST_CASE("one tensor as two inputs of an op gets the sum of both gradients") {
  for_each_case([](const OpCase& c, const std::vector<Tensor>& given) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      for (std::size_t j = i + 1; j < given.size(); ++j) {
        if (given[i].shape() != given[j].shape()) continue;
        CAPTURE(i);
        CAPTURE(j);
        std::vector<Tensor> inputs = given;
        inputs[j] = inputs[i];
        const OpResult apart = test::run_op(inputs, c.op);
        const Tensor expected = apart.grads[i].clone();
        add_into(expected, apart.grads[j]);
        for (const bool parameter : {false, true}) {
          const Tensor tied = tied_gradient(c, inputs, i, j, parameter);
          CHECK(test::relative_error(tied, expected) < 1e-5);
        }
      }
    }
  });
}

// A last batch that a filter has emptied, for one.
TEST_CASE("every op of no samples gives nothing or says that it cannot") {
  for_each_case([](const OpCase& c, std::vector<Tensor> inputs) {
    if (c.activations == 0) return;  // of parameters alone
    for (std::size_t i = 0; i < c.activations; ++i) {
      std::vector<std::int64_t> dims(inputs[i].shape().dims().begin(),
                                     inputs[i].shape().dims().end());
      dims[0] = 0;
      inputs[i] = Tensor::empty(Shape(std::span<const std::int64_t>(dims)));
    }
    for (const bool low : {false, true}) {
      for (std::size_t i = 0; low && i < c.activations; ++i) {
        inputs[i] = cast(inputs[i], DType::kBF16);
      }
      try {
        const OpResult result = test::run_op(inputs, c.op);
        for (const float value : result.y.span()) CHECK(std::isfinite(value));
        for (std::size_t i = c.activations; i < inputs.size(); ++i) {
          for (const float value : result.grads[i].span()) CHECK(value == 0.0f);
        }
      } catch (const Error& error) {
        CHECK(std::string(error.what()).starts_with("["));
      }
    }
  });
}

OpResult run_with_threads(int threads, const std::vector<Tensor>& inputs, const test::Op& op) {
  const test::Threads guard(threads);
  return test::run_op(inputs, op);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

void check_same_bits(const OpResult& actual, const OpResult& expected) {
  CHECK(same_bits(actual.y, expected.y));
  for (std::size_t i = 0; i < actual.grads.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(actual.grads[i], expected.grads[i]));
  }
}

void check_near(const OpResult& actual, const OpResult& expected, double tolerance) {
  CHECK(test::relative_error(actual.y, expected.y) < tolerance);
  for (std::size_t i = 0; i < actual.grads.size(); ++i) {
    CAPTURE(i);
    CHECK(test::relative_error(actual.grads[i], expected.grads[i]) < tolerance);
  }
}

TEST_CASE("every op repeats its bits, and on more threads differs by rounding alone") {
  for_each_case([](const OpCase& c, std::vector<Tensor> inputs) {
    for (const bool low : {false, true}) {
      CAPTURE(low);
      for (std::size_t i = 0; low && i < c.activations; ++i) {
        inputs[i] = cast(inputs[i], DType::kBF16);
      }
      const OpResult one = run_with_threads(1, inputs, c.op);
      const OpResult two = run_with_threads(2, inputs, c.op);
      check_same_bits(run_with_threads(1, inputs, c.op), one);
      check_same_bits(run_with_threads(2, inputs, c.op), two);
      check_near(two, one, low ? 0x1p-8 : 1e-5);
    }
  });
}

TEST_CASE("no two cases of the table share a title") {
  for (const std::vector<OpCase>* cases : {&test::op_table().small, &test::op_table().large}) {
    std::set<std::string> titles;
    for (const OpCase& op_case : *cases) CHECK(titles.insert(test::title(op_case)).second);
  }
}

}  // namespace
}  // namespace tessera
