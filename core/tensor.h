// A contiguous, row-major, 64-byte aligned array with a shape: a cheap handle to pooled memory.
#pragma once

#include <cassert>
#include <cstdint>
#include <span>
#include <string>

#include "core/dtype.h"
#include "core/memory_pool.h"
#include "core/shape.h"

namespace tessera {

/// Copies of a Tensor refer to the same elements, as copies of a pointer would. Images and feature
/// maps are channels last: [B, H, W, C]. There are no strided views.
class Tensor {
 public:
  Tensor() = default;
  Tensor(const Tensor& other) noexcept;
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor other) noexcept;
  ~Tensor();

  /// Elements are not initialised.
  static Tensor empty(const Shape& shape, DType dtype = DType::kF32);
  static Tensor zeros(const Shape& shape, DType dtype = DType::kF32);
  static Tensor full(const Shape& shape, float value);
  static Tensor from(const Shape& shape, std::span<const float> values);
  static Tensor from(const Shape& shape, std::span<const std::int32_t> values);

  explicit operator bool() const { return block_ != nullptr; }

  const Shape& shape() const { return shape_; }
  std::int64_t dim(int axis) const { return shape_[axis]; }
  int rank() const { return shape_.rank(); }
  std::int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }

  template <typename T>
  T* data() const {
    assert(DTypeOf<T>::value == dtype_);
    return reinterpret_cast<T*>(data_);
  }
  float* f32() const { return data<float>(); }
  void* raw() const { return data_; }
  template <typename T = float>
  std::span<T> span() const {
    return {data<T>(), static_cast<std::size_t>(numel())};
  }

  /// The same elements under another shape with as many elements. Throws ShapeError.
  Tensor reshape(const Shape& shape) const;

  /// `shape.numel()` elements from element `offset` on. Throws ShapeError.
  Tensor slice(std::int64_t offset, const Shape& shape) const;

  Tensor clone() const;
  void copy_from(const Tensor& source) const;
  void fill(float value) const;

  /// True if no other handle refers to this memory, so that it may be overwritten.
  bool unique() const;

 private:
  Block* block_ = nullptr;
  std::byte* data_ = nullptr;
  Shape shape_;
  DType dtype_ = DType::kF32;
};

/// `count` elements of one type written as the other.
void convert(const float* from, BF16* to, std::int64_t count);
void convert(const BF16* from, float* to, std::int64_t count);

/// A new tensor with the elements converted (f32 <-> bf16).
Tensor cast(const Tensor& source, DType dtype);

/// The tensor is a handle: writing into it writes into what it was taken from.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace tessera
