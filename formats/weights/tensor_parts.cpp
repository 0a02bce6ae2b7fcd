#include "formats/weights/tensor_parts.h"

#include <fmt/ranges.h>

#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

/// Where each token of a merge stands in the other order; its own inverse.
constexpr std::array<std::size_t, 4> kOtherToken{0, 2, 1, 3};

std::size_t index_of(Part part) { return static_cast<std::size_t>(part) - 1; }

/// `tensor` with `bytes` in the place of its own.
StoredTensor with_bytes(const StoredTensor& tensor, std::shared_ptr<std::byte[]> bytes,
                        std::size_t size) {
  StoredTensor result{tensor.name, tensor.type, tensor.shape, {bytes.get(), size}, nullptr};
  result.owner = std::move(bytes);
  return result;
}

/// Moves column `from(i)` of each row of [..., 4C] to column i; both count in elements.
template <typename From>
std::optional<StoredTensor> permute_columns(const StoredTensor& tensor, From from) {
  if (tensor.shape.empty() || tensor.shape.back() % 4 != 0) return std::nullopt;
  const std::size_t size = size_of(tensor.type),
                    columns = static_cast<std::size_t>(tensor.shape.back());
  const std::size_t bytes = tensor.bytes.size();
  auto result = std::make_shared<std::byte[]>(bytes);
  for (std::size_t row = 0; row + columns * size <= bytes && columns > 0; row += columns * size) {
    for (std::size_t i = 0; i < columns; ++i) {
      std::memcpy(result.get() + row + i * size,
                  tensor.bytes.data() + row + from(i, columns / 4) * size, size);
    }
  }
  return with_bytes(tensor, std::move(result), bytes);
}

}  // namespace

std::optional<StoredTensor> join_parts(const StoredTensor& query, const StoredTensor* key,
                                       const StoredTensor& value) {
  const auto fits = [&](const StoredTensor& other) {
    return other.shape == query.shape && other.type == query.type &&
           other.bytes.size() == query.bytes.size();
  };
  if (query.shape.empty() || !fits(value) || (key != nullptr && !fits(*key))) return std::nullopt;
  const std::size_t size = query.bytes.size();
  auto bytes = std::make_shared<std::byte[]>(3 * size);  // zeros
  if (size > 0) {
    std::memcpy(bytes.get(), query.bytes.data(), size);
    if (key != nullptr) std::memcpy(bytes.get() + size, key->bytes.data(), size);
    std::memcpy(bytes.get() + 2 * size, value.bytes.data(), size);
  }
  StoredTensor joined = with_bytes(query, std::move(bytes), 3 * size);
  joined.shape[0] *= 3;
  return joined;
}

StoredTensor part_of(const StoredTensor& whole, Part part) {
  if (part == Part::kWhole) return whole;
  if (whole.shape.empty() || whole.shape[0] % 3 != 0) {
    fail<CheckpointError>("[weights] {} is [{}], expected [3C, ...]", quoted(whole.name),
                          fmt::join(whole.shape, ", "));
  }
  StoredTensor third = whole;
  third.shape[0] /= 3;
  const std::size_t size = whole.bytes.size() / 3;
  third.bytes = whole.bytes.subspan(index_of(part) * size, size);
  return third;
}

Tensor part_of(const Tensor& whole, Part part) {
  if (part == Part::kWhole) return whole;
  const auto dims = whole.shape().dims();
  std::vector<std::int64_t> sides(dims.begin(), dims.end());
  sides[0] /= 3;
  const std::int64_t size = whole.numel() / 3;
  return whole.slice(static_cast<std::int64_t>(index_of(part)) * size,
                     Shape(std::span<const std::int64_t>(sides)));
}

StoredTensor without_key(const StoredTensor& whole) {
  const StoredTensor query = part_of(whole, Part::kQuery);
  return join_parts(query, nullptr, part_of(whole, Part::kValue)).value_or(whole);
}

std::optional<StoredTensor> unfold_merge(const StoredTensor& folded) {
  return permute_columns(folded, [](std::size_t i, std::size_t channels) {
    return kOtherToken[i % 4] * channels + i / 4;
  });
}

std::optional<StoredTensor> fold_merge(const StoredTensor& unfolded) {
  return permute_columns(unfolded, [](std::size_t i, std::size_t channels) {
    return i % channels * 4 + kOtherToken[i / channels];
  });
}

Tensor tensor_of(const StoredTensor& stored, DType dtype) {
  const Tensor tensor = Tensor::empty(shape_of(stored, stored.name), dtype);
  std::memcpy(tensor.raw(), stored.bytes.data(), stored.bytes.size());
  return tensor;
}

}  // namespace tessera
