// The named tensors of a weight file, whatever its format.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/stored_tensor.h"

namespace tessera {

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
