// Names for all answers of a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

/// `known` and, where a model tells more classes apart than have names, `class 7`.
std::vector<std::string> class_names_up_to(std::int64_t num_classes,
                                           std::vector<std::string> known);

}  // namespace tessera
