// Counts, times and names as people read them.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// `1 thread`, `2 threads`; `many` for words that do not just take an s.
inline std::string plural(std::int64_t count, std::string_view one, std::string_view many = {}) {
  if (count == 1) return fmt::format("1 {}", one);
  return many.empty() ? fmt::format("{} {}s", count, one) : fmt::format("{} {}", count, many);
}

/// `2:03`, from an hour on `1:02:03`.
std::string duration_text(double seconds);

/// `known` and, where a model tells more classes apart than have names, `class 7`.
std::vector<std::string> class_names_up_to(std::int64_t num_classes,
                                           std::vector<std::string> known);

}  // namespace tessera
