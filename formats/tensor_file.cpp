#include "formats/tensor_file.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace tessera {

const StoredTensor* TensorFile::find(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const StoredTensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

const StoredTensor& TensorFile::at(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  if (tensor == nullptr) fail<CheckpointError>("[weights] {}: no tensor {}", path, quoted(name));
  return *tensor;
}

}  // namespace tessera
