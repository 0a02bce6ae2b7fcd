// Products in integers of 8 bits against double precision.
#include "core/ops/quantized_products.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "core/onednn/quantized_matmul.h"
#include "core/ops/linear.h"
#include "core/ops/row_products.h"
#include "tests/support/gradient_check.h"
#include "tests/support/threads.h"

namespace tessera {
namespace {

using test::random_tensor;

struct ProductCase {
  std::int64_t rows, in, out;
};

// Odd sizes, one cut into slices of rows with a last part, one with weights too large for slices.
constexpr ProductCase kProductCases[] = {
    {1, 1, 1}, {5, 3, 7}, {64, 48, 96}, {1537, 33, 17}, {1030, 400, 500}};

double value_of(const Tensor& tensor, std::int64_t i) {
  return tensor.dtype() == DType::kBF16 ? double{to_f32(tensor.data<BF16>()[i])}
                                        : double{tensor.f32()[i]};
}

double gelu(double x) { return 0.5 * x * std::erfc(-x / std::numbers::sqrt2); }

/// What the integer that stands for `x` stands for.
double coded(double x, const InputCode& code) {
  const double q = std::floor(x / double{code.scale} + code.zero + 0.5);
  return double{code.scale} * (std::clamp(q, 0.0, 255.0) - code.zero);
}

double coded_weight(const Tensor& weight, const LinearCode& code, std::int64_t row,
                    std::int64_t column) {
  const double scale = double{code.weight_scales[static_cast<std::size_t>(row)]};
  return scale * std::nearbyint(value_of(weight, row * weight.dim(1) + column) / scale);
}

/// x W^T + bias of coded numbers.
std::vector<double> reference(const std::vector<double>& x, const Tensor& weight,
                              const Tensor& bias, const LinearCode& code) {
  const std::int64_t out = weight.dim(0), in = weight.dim(1);
  const auto rows = static_cast<std::int64_t>(x.size()) / in;
  std::vector<double> w, y;
  for (std::int64_t i = 0; i < out * in; ++i)
    w.push_back(coded_weight(weight, code, i / in, i % in));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t o = 0; o < out; ++o) {
      double sum = bias ? value_of(bias, o) : 0.0;
      for (std::int64_t i = 0; i < in; ++i) {
        sum += coded(x[static_cast<std::size_t>(row * in + i)], code.input) *
               w[static_cast<std::size_t>(o * in + i)];
      }
      y.push_back(sum);
    }
  }
  return y;
}

std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < tensor.numel(); ++i) values.push_back(value_of(tensor, i));
  return values;
}

double relative_error(const Tensor& actual, const std::vector<double>& expected) {
  double difference = 0.0, size = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(value_of(actual, static_cast<std::int64_t>(i)) - expected[i], 2);
    size += std::pow(expected[i], 2);
  }
  return std::sqrt(difference / size);
}

/// A parameter store of one tensor, as PackedWeights wants it.
struct Weights {
  explicit Weights(std::vector<Tensor> tensors) {
    std::int64_t total = 0;
    for (const Tensor& tensor : tensors) total += tensor.numel();
    all = Tensor::empty({total});
    std::int64_t offset = 0;
    for (const Tensor& tensor : tensors) {
      each.push_back(all.slice(offset, tensor.shape()));
      each.back().copy_from(tensor);
      offset += tensor.numel();
    }
  }

  Tensor all;
  std::vector<Tensor> each;
};

LinearCode code_of(const Tensor& weight, float smallest, float largest) {
  return {input_code(smallest, largest), weight_scales(weight)};
}

TEST_CASE("codes: 0 is exact, the ends are reached, what has no width is harmless") {
  const InputCode code = input_code(-1.0f, 3.0f);
  CHECK(code.scale == doctest::Approx(4.0 / 255.0));
  CHECK(code.zero == 64);
  CHECK(input_code(0.5f, 2.0f).zero == 0);
  CHECK(input_code(-2.0f, -0.5f).zero == 255);
  CHECK(input_code(0.0f, 0.0f).scale == 1.0f);
  const Tensor weight = Tensor::from({2, 2}, std::vector<float>{0.5f, -2.54f, 0.0f, 0.0f});
  CHECK(weight_scales(weight) == std::vector<float>{2.54f / 127.0f, 1.0f});
  CHECK(weight_integers(weight, weight_scales(weight)) == std::vector<std::int8_t>{25, -127, 0, 0});
}

TEST_CASE("integers of activations are those of double precision, GELU included") {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const bool with_gelu : {false, true}) {
      for (const std::int64_t count : {1, 15, 16, 17, 1000, 40000}) {
        const Tensor x = cast(random_tensor({count}, 3, 2.0f), dtype);
        const InputCode code = input_code(with_gelu ? -0.17f : -3.0f, 3.5f);
        std::vector<std::uint8_t> q(static_cast<std::size_t>(count) + 1, 77);
        quantize(x.raw(), dtype, code, q.data(), count, with_gelu);
        CHECK(q.back() == 77);
        int off = 0;
        for (std::int64_t i = 0; i < count; ++i) {
          const double value = with_gelu ? gelu(value_of(x, i)) : value_of(x, i);
          const double place = std::clamp(value / double{code.scale} + code.zero, 0.0, 255.0);
          const double difference = std::abs(q[static_cast<std::size_t>(i)] - place);
          // Half a step, and what GELU may be off by.
          CHECK(difference < 0.5 + 4e-3);
          off += difference > 0.5 ? 1 : 0;
        }
        CHECK(off <= count / 100);
      }
    }
  }
}

TEST_CASE("linear and mlp in integers against double precision") {
  if (!onednn::has_native_int8()) return;
  for (const ProductCase& c : kProductCases) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      for (const int threads : {1, 2}) {
        CAPTURE(c.rows);
        CAPTURE(threads);
        const test::Threads guard(threads);
        const Weights w(
            {random_tensor({c.out, c.in}, 1, 0.3f), random_tensor({c.in, c.out}, 2, 0.3f)});
        const Tensor b1 = random_tensor({c.out}, 3), b2 = random_tensor({c.in}, 4);
        const Tensor x = cast(random_tensor({1, c.rows, c.in}, 5), dtype);
        // Cut off at 2.5: what lies beyond is there too.
        const LinearCode code1 = code_of(w.each[0], -2.5f, 2.5f);
        const LinearCode code2 = code_of(w.each[1], -0.17f, 4.0f);
        PackedWeights packed(w.all);
        Tape tape({.training = false, .packed = &packed});
        packed.quantize(w.each[0], code1);
        packed.quantize(w.each[1], code2);
        // A value at the middle between two integers may go either way.
        const double tolerance = dtype == DType::kF32 ? 1e-4 : 3e-3;
        for (const Tensor& bias : {b1, Tensor()}) {
          const Var y = ops::linear(tape, tape.constant(x), {w.each[0]}, {bias});
          CHECK(y.shape() == Shape{1, c.rows, c.out});
          CHECK(y.value.dtype() == dtype);
          CHECK(relative_error(y.value, reference(values_of(x), w.each[0], bias, code1)) <
                tolerance);
        }
        const Var y = ops::mlp(tape, tape.constant(x), {{w.each[0]}, {b1}, {w.each[1]}, {b2}});
        std::vector<double> hidden = reference(values_of(x), w.each[0], b1, code1);
        for (double& value : hidden) value = gelu(value);
        // An activation at the middle between two integers may go either way.
        const double expected = dtype == DType::kF32 ? 2e-3 : 1e-2;
        CHECK(relative_error(y.value, reference(hidden, w.each[1], b2, code2)) < expected);
      }
    }
  }
}

TEST_CASE("integers take the place of maps of tokens alone, and of parameters alone") {
  if (!onednn::has_native_int8()) return;
  const Weights w({random_tensor({7, 5}, 1)});
  const Tensor rows = random_tensor({6, 5}, 2), tokens = rows.reshape({1, 6, 5});
  PackedWeights packed(w.all);
  const auto product = [&](const Tensor& x, const Tensor& weight) {
    Tape tape({.training = false, .packed = &packed});
    return ops::linear(tape, tape.constant(x), {weight}, {}).value;
  };
  const Tensor exact = product(rows, w.each[0]);
  const auto differs = [&](const Tensor& y) { return relative_error(y, values_of(exact)) > 1e-5; };
  CHECK_FALSE(differs(product(tokens, w.each[0])));
  packed.quantize(w.each[0], code_of(w.each[0], -3.0f, 3.0f));
  CHECK(differs(product(tokens, w.each[0])));
  CHECK_FALSE(differs(product(rows, w.each[0])));
  CHECK_FALSE(differs(product(tokens, w.each[0].clone())));
}

TEST_CASE("an observer sees the inputs of linear and of both products of mlp") {
  struct Seen final : InputObserver {
    void on_input(const Tensor& weight, const void* x, DType dtype, std::int64_t count) override {
      CHECK(dtype == DType::kF32);
      sums[weight.f32()] += static_cast<double>(count);
      first[weight.f32()] = static_cast<const float*>(x)[0];
    }
    std::map<const float*, double> sums, first;
  } seen;
  const Weights w({random_tensor({7, 5}, 1), random_tensor({5, 7}, 2)});
  const Tensor x = random_tensor({1, 6, 5}, 3), b1 = Tensor::zeros({7}), b2 = Tensor::zeros({5});
  PackedWeights packed(w.all);
  packed.show_inputs_to(&seen);
  Tape tape({.training = false, .packed = &packed});
  ops::linear(tape, tape.constant(x), {w.each[0]}, {});
  CHECK(seen.sums.at(w.each[0].f32()) == 30.0);
  ops::mlp(tape, tape.constant(x), {{w.each[0]}, {b1}, {w.each[1]}, {b2}});
  CHECK(seen.sums.at(w.each[0].f32()) == 60.0);
  CHECK(seen.first.at(w.each[0].f32()) == double{x.f32()[0]});
  CHECK(seen.sums.at(w.each[1].f32()) == 42.0);
  packed.show_inputs_to(nullptr);
  ops::linear(tape, tape.constant(x), {w.each[0]}, {});
  CHECK(seen.sums.at(w.each[0].f32()) == 60.0);
}

}  // namespace
}  // namespace tessera
