// Tensors as a file holds them: raw little-endian bytes, with element types wider than DType's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace tessera {

enum class StoredType : std::uint8_t {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU8,
  kBool,
};

/// The name in a file: `F32`, `BF16`, `BOOL`.
std::string_view name_of(StoredType type);
std::optional<StoredType> stored_type(std::string_view name);
std::size_t size_of(StoredType type);

/// Copies share the bytes, which are never written to.
struct StoredTensor {
  std::string name;
  StoredType type = StoredType::kF32;
  std::vector<std::int64_t> shape;  ///< of any rank
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner{};  ///< keeps the bytes alive
};

/// The elements of `tensor` as a file would hold them, without a copy.
StoredTensor view_of(std::string name, const Tensor& tensor);

/// The shape for a Tensor. `file` names the file in the CheckpointError of a rank above 6.
Shape shape_of(const StoredTensor& stored, std::string_view file);

/// F32, F64, F16 or BF16 as f32. Throws CheckpointError for other types and for an F64 that f32
/// cannot hold.
Tensor to_f32(const StoredTensor& stored, std::string_view file);

/// Any integer type or BOOL as i32. Throws CheckpointError for other types and for an I64 that
/// i32 cannot hold.
Tensor to_i32(const StoredTensor& stored, std::string_view file);

struct TensorFile {
  std::string path;  ///< for messages
  std::map<std::string, std::string> metadata;
  std::vector<StoredTensor> tensors;  ///< in the order of the file

  /// Null if there is none of that name.
  const StoredTensor* find(std::string_view name) const;

  /// Throws CheckpointError if there is none of that name.
  const StoredTensor& at(std::string_view name) const;

  /// One tensor converted, as the functions of these names in stored_tensor.h do.
  Tensor f32(std::string_view name) const { return to_f32(at(name), path); }
  Tensor i32(std::string_view name) const { return to_i32(at(name), path); }
};

}  // namespace tessera
