// What a meter has counted, on its way to another process.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"

namespace tessera {

/// Writes values or reads them, in the order in which it is called with them: a meter names what it
/// counts once, for both. Between processes of one program alone: bytes are as they lie in memory.
class MeterState {
 public:
  /// Writes.
  MeterState() = default;

  /// Reads what one has written.
  explicit MeterState(std::string bytes) : bytes_(std::move(bytes)), reads_(true) {}

  template <typename T>
  void operator()(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    move(&value, sizeof value);
  }

  template <typename T>
  void operator()(std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::size_t count = values.size();
    (*this)(count);
    values.resize(count);
    move(values.data(), count * sizeof(T));
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void move(void* data, std::size_t size) {
    if (!reads_) {
      bytes_.append(static_cast<const char*>(data), size);
      return;
    }
    if (size > bytes_.size() - place_) fail<DataError>("[meter] {} bytes end too early", place_);
    std::memcpy(data, bytes_.data() + place_, size);
    place_ += size;
  }

  std::string bytes_;
  std::size_t place_ = 0;
  bool reads_ = false;
};

/// A sum that does not depend on the order of what is added, up to the rounding of the result: what
/// each addition loses is kept too. Knuth, TAOCP volume 2, section 4.2.2, theorem B.
class ExactSum {
 public:
  void add(double value) {
    const double sum = high_ + value, added = sum - high_;
    low_ += (high_ - (sum - added)) + (value - added);
    high_ = sum;
  }

  void add(const ExactSum& other) {
    add(other.high_);
    low_ += other.low_;
  }

  double value() const { return high_ + low_; }

 private:
  double high_ = 0.0;
  double low_ = 0.0;
};

}  // namespace tessera
