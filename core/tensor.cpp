#include "core/tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"

namespace tessera {

Tensor::Tensor(const Tensor& other) noexcept
    : block_(other.block_), data_(other.data_), shape_(other.shape_), dtype_(other.dtype_) {
  if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
}

Tensor::Tensor(Tensor&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      shape_(std::exchange(other.shape_, Shape{})),
      dtype_(other.dtype_) {}

Tensor& Tensor::operator=(Tensor other) noexcept {
  std::swap(block_, other.block_);
  std::swap(data_, other.data_);
  std::swap(shape_, other.shape_);
  std::swap(dtype_, other.dtype_);
  return *this;
}

Tensor::~Tensor() {
  if (block_ != nullptr && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Pool::global().release(block_);
  }
}

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  Tensor tensor;
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  tensor.block_ = Pool::global().acquire(tensor.bytes());
  tensor.data_ = tensor.block_->data;
  return tensor;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor tensor = empty(shape, dtype);
  std::memset(tensor.data_, 0, tensor.bytes());
  return tensor;
}

Tensor Tensor::full(const Shape& shape, float value) {
  Tensor tensor = empty(shape);
  tensor.fill(value);
  return tensor;
}

Tensor Tensor::from(const Shape& shape, std::span<const float> values) {
  Tensor tensor = empty(shape);
  assert(values.size() == static_cast<std::size_t>(shape.numel()));
  std::copy(values.begin(), values.end(), tensor.f32());
  return tensor;
}

Tensor Tensor::from(const Shape& shape, std::span<const std::int32_t> values) {
  Tensor tensor = empty(shape, DType::kI32);
  assert(values.size() == static_cast<std::size_t>(shape.numel()));
  std::copy(values.begin(), values.end(), tensor.data<std::int32_t>());
  return tensor;
}

Tensor Tensor::reshape(const Shape& shape) const {
  if (shape.numel() != numel()) {
    fail<ShapeError>("[reshape] {} has {} elements, {} has {}", shape_, numel(), shape,
                     shape.numel());
  }
  return slice(0, shape);
}

Tensor Tensor::slice(std::int64_t offset, const Shape& shape) const {
  if (offset < 0 || offset + shape.numel() > numel()) {
    fail<ShapeError>("[slice] {} from element {} on does not fit in {}", shape, offset, shape_);
  }
  Tensor part = *this;
  part.shape_ = shape;
  part.data_ = data_ + static_cast<std::size_t>(offset) * size_of(dtype_);
  return part;
}

Tensor Tensor::clone() const {
  Tensor copy = empty(shape_, dtype_);
  copy.copy_from(*this);
  return copy;
}

void Tensor::copy_from(const Tensor& source) const {
  if (source.numel() != numel() || source.dtype_ != dtype_) {
    fail<ShapeError>("[copy] {} {} from {} {}", name_of(dtype_), shape_, name_of(source.dtype_),
                     source.shape_);
  }
  const std::int64_t width = static_cast<std::int64_t>(size_of(dtype_));
  parallel_for(numel(), 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(data_ + begin * width, source.data_ + begin * width,
                static_cast<std::size_t>((end - begin) * width));
  });
}

void Tensor::fill(float value) const {
  float* elements = f32();
  parallel_for(numel(), 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    std::fill(elements + begin, elements + end, value);
  });
}

bool Tensor::unique() const {
  return block_ != nullptr && block_->references.load(std::memory_order_acquire) == 1;
}

void convert(const float* from, BF16* to, std::int64_t count) {
  parallel_for(count, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = to_bf16(from[i]);
  });
}

void convert(const BF16* from, float* to, std::int64_t count) {
  parallel_for(count, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = to_f32(from[i]);
  });
}

Tensor cast(const Tensor& source, DType dtype) {
  if (source.dtype() == dtype) return source.clone();
  Tensor result = Tensor::empty(source.shape(), dtype);
  if (source.dtype() == DType::kF32 && dtype == DType::kBF16) {
    convert(source.f32(), result.data<BF16>(), source.numel());
  } else if (source.dtype() == DType::kBF16 && dtype == DType::kF32) {
    convert(source.data<BF16>(), result.f32(), source.numel());
  } else {
    fail<ShapeError>("[cast] from {} to {} is not defined", name_of(source.dtype()),
                     name_of(dtype));
  }
  return result;
}

}  // namespace tessera
