// Fixtures of ops: results and gradients of another implementation (tests/fixtures/op_*).
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/gradient_check.h"
#include "tests/support/op_check.h"
#include "tests/support/paths.h"

namespace tessera::test {

/// A safetensors file of tensors `<id>/<name>` and, in its metadata, a list of cases with an `id`.
class OpFixture {
 public:
  explicit OpFixture(const std::string& name) {
    std::ifstream stream(fixture(name), std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(stream), {});
    REQUIRE_MESSAGE(bytes_.size() > 8, name, " cannot be read");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), sizeof(length));
    header_ = nlohmann::json::parse(bytes_.substr(8, length));
    data_ = 8 + length;
    cases_ = nlohmann::json::parse(header_["__metadata__"]["cases"].get<std::string>());
  }

  const nlohmann::json& cases() const { return cases_; }

  /// f32 as stored; i64 becomes i32.
  Tensor tensor(const nlohmann::json& of_case, const std::string& name) const {
    const nlohmann::json& entry = header_.at(key(of_case, name));
    const Shape shape(
        std::span<const std::int64_t>(entry["shape"].get<std::vector<std::int64_t>>()));
    const char* from = bytes_.data() + data_ + entry["data_offsets"][0].get<std::size_t>();
    const bool integers = entry["dtype"] == "I64";
    Tensor result = Tensor::empty(shape, integers ? DType::kI32 : DType::kF32);
    if (!integers) {
      std::memcpy(result.raw(), from, result.bytes());
      return result;
    }
    for (std::int64_t i = 0; i < result.numel(); ++i) {
      std::int64_t value = 0;
      std::memcpy(&value, from + 8 * i, sizeof(value));
      result.data<std::int32_t>()[i] = static_cast<std::int32_t>(value);
    }
    return result;
  }

  /// [B, C, H, W] -> [B, H, W, C].
  Tensor map(const nlohmann::json& of_case, const std::string& name) const {
    const Tensor stored = tensor(of_case, name);
    const std::int64_t channels = stored.dim(1), places = stored.dim(2) * stored.dim(3);
    Tensor result = Tensor::empty({stored.dim(0), stored.dim(2), stored.dim(3), channels});
    for (std::int64_t i = 0; i < stored.numel(); ++i) {
      const std::int64_t sample = i / (channels * places), c = i / places % channels;
      result.f32()[(sample * places + i % places) * channels + c] = stored.f32()[i];
    }
    return result;
  }

 private:
  static std::string key(const nlohmann::json& of_case, const std::string& name) {
    return std::to_string(of_case["id"].get<int>()) + "/" + name;
  }

  std::string bytes_;
  nlohmann::json header_, cases_;
  std::size_t data_ = 0;
};

/// Result and gradients of the inputs for the gradient `dy` of the result.
inline OpResult run_backward(const std::vector<Tensor>& inputs, const Tensor& dy, const Op& op) {
  Tape tape;
  std::vector<Var> leaves;
  for (const Tensor& input : inputs) leaves.push_back(tape.leaf(input));
  const Var y = op(tape, leaves);
  REQUIRE(y.shape() == dy.shape());
  tape.backward(tape.record(Tensor::full({1}, 0.0f), true,
                            [y = y.target(), dy](Tape& t, const Tensor&) { t.pass(y, dy); }));
  OpResult result{y.value, {}};
  for (const Var& leaf : leaves) result.grads.push_back(tape.grad(leaf));
  return result;
}

}  // namespace tessera::test
