#include "core/tensor.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "core/error.h"

namespace tessera {
namespace {

Tensor counting(const Shape& shape) {
  Tensor tensor = Tensor::empty(shape);
  float next = 0.0f;
  for (float& value : tensor.span()) value = next++;
  return tensor;
}

TEST_CASE("tensors are made with the stated values, aligned to a cache line") {
  const Tensor full = Tensor::full({3, 5}, 2.5f);
  for (const float value : full.span()) CHECK(value == 2.5f);
  const Tensor zeros = Tensor::zeros({7}, DType::kBF16);
  for (const BF16 value : zeros.span<BF16>()) CHECK(value.bits == 0);
  CHECK(zeros.bytes() == 14);
  const Tensor labels = Tensor::from({2}, std::vector<std::int32_t>{4, -1});
  CHECK(labels.dtype() == DType::kI32);
  CHECK(labels.span<std::int32_t>()[1] == -1);
  for (const std::int64_t size : {1, 3, 17, 1000, 600000}) {
    const Tensor tensor = Tensor::empty({size});
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64 == 0);
  }
  CHECK_FALSE(static_cast<bool>(Tensor()));
  CHECK(static_cast<bool>(Tensor::empty({0})));
}

TEST_CASE("copies share elements, clones do not") {
  Tensor a = counting({4});
  CHECK(a.unique());
  const Tensor b = a;
  CHECK_FALSE(a.unique());
  b.f32()[0] = 9.0f;
  CHECK(a.f32()[0] == 9.0f);
  const Tensor c = a.clone();
  CHECK(c.unique());
  c.f32()[0] = 1.0f;
  CHECK(a.f32()[0] == 9.0f);
  const Tensor d = std::move(a);
  CHECK(d.f32()[0] == 9.0f);
  CHECK_FALSE(static_cast<bool>(a));
  CHECK(a.shape() == Shape{});
}

TEST_CASE("assignment frees what was held, and to oneself changes nothing") {
  Tensor a = counting({4});
  const Tensor first = a;
  a = counting({2});
  CHECK(first.unique());
  Tensor& alias = a;
  a = alias;
  CHECK(a.unique());
  CHECK(a.f32()[1] == 1.0f);
}

TEST_CASE("reshape and slice are views") {
  const Tensor a = counting({2, 3});
  const Tensor flat = a.reshape({6});
  CHECK(flat.raw() == a.raw());
  CHECK_FALSE(a.unique());
  const Tensor row = a.slice(3, {3});
  CHECK(row.f32()[0] == 3.0f);
  CHECK_THROWS_AS(a.reshape({5}), ShapeError);
  CHECK_THROWS_AS(a.slice(4, {3}), ShapeError);
  CHECK_THROWS_AS(a.slice(-1, {3}), ShapeError);
}

TEST_CASE("copy_from copies values of the same dtype and count") {
  const Tensor a = counting({200001}), b = Tensor::zeros({3, 66667});
  b.copy_from(a);
  for (std::int64_t i = 0; i < a.numel(); ++i) REQUIRE(b.f32()[i] == a.f32()[i]);
  CHECK_THROWS_AS(b.copy_from(counting({4})), ShapeError);
  CHECK_THROWS_AS(b.copy_from(cast(a, DType::kBF16)), ShapeError);
}

TEST_CASE("cast rounds to bf16 and back, and refuses integers") {
  const Tensor a = counting({70000});
  const Tensor low = cast(a, DType::kBF16), back = cast(low, DType::kF32);
  CHECK(low.dtype() == DType::kBF16);
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    REQUIRE(back.f32()[i] == to_f32(to_bf16(a.f32()[i])));
  }
  CHECK(cast(a, DType::kF32).raw() != a.raw());
  CHECK_THROWS_AS(cast(a, DType::kI32), ShapeError);
}

}  // namespace
}  // namespace tessera
