#include "train/class_names.h"

#include <fmt/core.h>

namespace tessera {

std::vector<std::string> class_names_up_to(std::int64_t num_classes,
                                           std::vector<std::string> known) {
  while (static_cast<std::int64_t>(known.size()) < num_classes) {
    known.push_back(fmt::format("class {}", known.size()));
  }
  return known;
}

}  // namespace tessera
