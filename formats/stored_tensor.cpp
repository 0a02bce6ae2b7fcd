#include "formats/stored_tensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

struct TypeRow {
  StoredType type;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<TypeRow, 10> kTypes{{
    {StoredType::kF64, "F64", 8},
    {StoredType::kF32, "F32", 4},
    {StoredType::kF16, "F16", 2},
    {StoredType::kBF16, "BF16", 2},
    {StoredType::kI64, "I64", 8},
    {StoredType::kI32, "I32", 4},
    {StoredType::kI16, "I16", 2},
    {StoredType::kI8, "I8", 1},
    {StoredType::kU8, "U8", 1},
    {StoredType::kBool, "BOOL", 1},
}};

const TypeRow& row_of(StoredType type) { return kTypes[static_cast<std::size_t>(type)]; }

/// An IEEE-754 binary16: 5 exponent bits, 10 fraction bits.
struct F16 {
  std::uint16_t bits;
};

float to_f32(F16 half) {
  const int exponent = (half.bits >> 10) & 0x1f;
  const int fraction = half.bits & 0x3ff;
  float magnitude = 0.0f;
  if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else if (exponent < 31) {
    magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  } else {
    magnitude = fraction == 0 ? std::numeric_limits<float>::infinity()
                              : std::numeric_limits<float>::quiet_NaN();
  }
  return (half.bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/// Elements may lie at any address, so they are fetched by memcpy.
template <typename From, typename To, typename Convert>
void convert_elements(const StoredTensor& stored, To* to, Convert convert) {
  const std::size_t count = stored.bytes.size() / sizeof(From);
  for (std::size_t i = 0; i < count; ++i) {
    From element;
    std::memcpy(&element, stored.bytes.data() + i * sizeof(From), sizeof(From));
    to[i] = convert(element);
  }
}

Tensor copy_bytes(const StoredTensor& stored, DType dtype, std::string_view file) {
  Tensor tensor = Tensor::empty(shape_of(stored, file), dtype);
  if (!stored.bytes.empty()) std::memcpy(tensor.raw(), stored.bytes.data(), stored.bytes.size());
  return tensor;
}

bool is_float(StoredType type) {
  return type == StoredType::kF64 || type == StoredType::kF32 || type == StoredType::kF16 ||
         type == StoredType::kBF16;
}

}  // namespace

std::string_view name_of(StoredType type) { return row_of(type).name; }

std::size_t size_of(StoredType type) { return row_of(type).size; }

std::optional<StoredType> stored_type(std::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

StoredTensor view_of(std::string name, const Tensor& tensor) {
  StoredTensor stored;
  stored.name = std::move(name);
  stored.type = tensor.dtype() == DType::kF32    ? StoredType::kF32
                : tensor.dtype() == DType::kBF16 ? StoredType::kBF16
                                                 : StoredType::kI32;
  const auto dims = tensor.shape().dims();
  stored.shape.assign(dims.begin(), dims.end());
  stored.bytes = {static_cast<const std::byte*>(tensor.raw()), tensor.bytes()};
  stored.owner = std::make_shared<const Tensor>(tensor);
  return stored;
}

Shape shape_of(const StoredTensor& stored, std::string_view file) {
  if (stored.shape.size() > static_cast<std::size_t>(Shape::kMaxRank)) {
    fail<CheckpointError>("[weights] {}: tensor {} has {} dimensions, the most is {}", file,
                          quoted(stored.name), stored.shape.size(), Shape::kMaxRank);
  }
  return Shape(std::span<const std::int64_t>(stored.shape));
}

Tensor to_f32(const StoredTensor& stored, std::string_view file) {
  if (stored.type == StoredType::kF32) return copy_bytes(stored, DType::kF32, file);
  if (!is_float(stored.type)) {
    fail<CheckpointError>("[weights] {}: tensor {} is {}, expected F32, F64, F16 or BF16", file,
                          quoted(stored.name), name_of(stored.type));
  }
  Tensor tensor = Tensor::empty(shape_of(stored, file));
  if (stored.type == StoredType::kBF16) {
    convert_elements<BF16>(stored, tensor.f32(), [](BF16 x) { return tessera::to_f32(x); });
  } else if (stored.type == StoredType::kF16) {
    convert_elements<F16>(stored, tensor.f32(), [](F16 x) { return to_f32(x); });
  } else {
    convert_elements<double>(stored, tensor.f32(), [&](double x) {
      if (std::isfinite(x) && std::abs(x) > std::numeric_limits<float>::max()) {
        fail<CheckpointError>("[weights] {}: tensor {}: F64 value {} does not fit f32", file,
                              quoted(stored.name), x);
      }
      return static_cast<float>(x);
    });
  }
  return tensor;
}

Tensor to_i32(const StoredTensor& stored, std::string_view file) {
  if (stored.type == StoredType::kI32) return copy_bytes(stored, DType::kI32, file);
  if (is_float(stored.type)) {
    fail<CheckpointError>("[weights] {}: tensor {} is {}, expected integers", file,
                          quoted(stored.name), name_of(stored.type));
  }
  Tensor tensor = Tensor::empty(shape_of(stored, file), DType::kI32);
  std::int32_t* to = tensor.data<std::int32_t>();
  const auto widen = [](auto x) { return static_cast<std::int32_t>(x); };
  if (stored.type == StoredType::kI64) {
    convert_elements<std::int64_t>(stored, to, [&](std::int64_t x) {
      if (!std::in_range<std::int32_t>(x)) {
        fail<CheckpointError>("[weights] {}: tensor {}: I64 value {} does not fit i32", file,
                              quoted(stored.name), x);
      }
      return static_cast<std::int32_t>(x);
    });
  } else if (stored.type == StoredType::kI16) {
    convert_elements<std::int16_t>(stored, to, widen);
  } else if (stored.type == StoredType::kI8) {
    convert_elements<std::int8_t>(stored, to, widen);
  } else {
    convert_elements<std::uint8_t>(stored, to, widen);
  }
  return tensor;
}

const StoredTensor* TensorFile::find(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const StoredTensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

const StoredTensor& TensorFile::at(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  if (tensor == nullptr) fail<CheckpointError>("[weights] {}: no tensor {}", path, quoted(name));
  return *tensor;
}

}  // namespace tessera
