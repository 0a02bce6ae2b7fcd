// What every op must get right, whatever it computes. One op alone: --subcase='gelu*'
#include <cstring>
#include <set>

#include "core/parallel.h"
#include "tests/support/op_check.h"
#include "tests/support/op_table.h"

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

/// Runs with another number of threads while it lives.
class Threads {
 public:
  explicit Threads(int threads) { set_num_threads(threads); }
  ~Threads() { set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_ = num_threads();
};

OpResult run_with_threads(int threads, const std::vector<Tensor>& inputs, const test::Op& op) {
  const Threads guard(threads);
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
