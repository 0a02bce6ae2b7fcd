#include "train/readable.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <cstdint>

namespace tessera {

std::string duration_text(double seconds) {
  const auto total = static_cast<std::int64_t>(seconds + 0.5);
  if (total < 3600) return fmt::format("{}:{:02}", total / 60, total % 60);
  return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
}

std::vector<std::string> class_names_up_to(std::int64_t num_classes,
                                           std::vector<std::string> known) {
  while (static_cast<std::int64_t>(known.size()) < num_classes) {
    known.push_back(fmt::format("class {}", known.size()));
  }
  return known;
}

}  // namespace tessera
