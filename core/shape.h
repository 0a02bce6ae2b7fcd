// Dimensions of a tensor, held inline.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace tessera {

/// Height and width, of an image, a patch, a map or a window.
using Size2 = std::array<std::int64_t, 2>;

/// `56x48`
std::string by(const Size2& size);

/// Up to six non-negative dimensions; rank 0 is a scalar with one element.
class Shape {
 public:
  static constexpr int kMaxRank = 6;

  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<std::int64_t> dims)
      : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}
  constexpr explicit Shape(std::span<const std::int64_t> dims)
      : rank_(static_cast<int>(dims.size())) {
    assert(rank_ <= kMaxRank);
    for (int i = 0; i < rank_; ++i)
      dims_[static_cast<std::size_t>(i)] = dims[static_cast<std::size_t>(i)];
  }

  constexpr int rank() const { return rank_; }

  /// Negative axes count from the end: `shape[-1]` is the innermost dimension.
  constexpr std::int64_t operator[](int axis) const {
    const int index = axis < 0 ? axis + rank_ : axis;
    assert(index >= 0 && index < rank_);
    return dims_[static_cast<std::size_t>(index)];
  }

  constexpr std::int64_t numel() const {
    std::int64_t count = 1;
    for (int i = 0; i < rank_; ++i) count *= dims_[static_cast<std::size_t>(i)];
    return count;
  }

  /// Elements in front of the last dimension: the rows of the matrix [rows, last].
  constexpr std::int64_t rows() const {
    return rank_ == 0 ? 1 : numel() / std::max<std::int64_t>(1, (*this)[-1]);
  }

  /// The same shape with another innermost dimension.
  constexpr Shape with_last(std::int64_t last) const {
    Shape shape = *this;
    shape.dims_[static_cast<std::size_t>(rank_ - 1)] = last;
    return shape;
  }

  constexpr std::span<const std::int64_t> dims() const {
    return {dims_.data(), static_cast<std::size_t>(rank_)};
  }

  friend constexpr bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }

 private:
  int rank_ = 0;
  std::array<std::int64_t, kMaxRank> dims_{};
};

/// `[8, 56, 56, 96]`
std::string to_string(const Shape& shape);

}  // namespace tessera

template <>
struct fmt::formatter<tessera::Shape> : fmt::formatter<fmt::string_view> {
  fmt::format_context::iterator format(const tessera::Shape& shape,
                                       fmt::format_context& context) const;
};
