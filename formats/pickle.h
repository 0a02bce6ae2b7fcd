// The part of Python's pickle that PyTorch writes for tensors in dictionaries. Data are built,
// never code run: only a few names are known, and anything else ends the reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/stored_tensor.h"

namespace tessera {

/// A tensor as the pickle describes it: elements of an entry of the archive.
struct PickledTensor {
  std::string name;  ///< keys joined by dots: `model.layers.0.blocks.0.norm1.weight`
  std::string storage;
  StoredType type = StoredType::kF32;
  std::int64_t storage_size = 0;  ///< elements
  std::int64_t offset = 0;        ///< elements
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< elements
};

/// All tensors in the dictionaries of a pickle, in order; what else it holds is left out. Throws
/// CheckpointError naming `path`, the byte and the reason: an instruction or name that is not
/// among those PyTorch writes for tensors, a wrong argument, too much nesting or too many values.
std::vector<PickledTensor> read_pickle(std::span<const std::byte> bytes, const std::string& path);

}  // namespace tessera
