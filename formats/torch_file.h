// Reading of PyTorch's weight files, .pth and .pt, without running anything that stands in them.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "formats/file_bytes.h"
#include "formats/stored_tensor.h"

namespace tessera {

/// True if bytes begin as a file of torch.save does, of any version.
bool is_torch_file(std::span<const std::byte> bytes);

/// The tensors of a file that torch.save of PyTorch 1.6 or later wrote, in the order of their
/// dictionaries; names of nested dictionaries are joined by dots: `model.head.weight`. Throws
/// CheckpointError that names file, place and way out for older files, for anything but tensors,
/// numbers and texts in dictionaries, lists and tuples, and for tensors that reach out of their
/// storage or have more elements than it.
TensorFile parse_torch_file(const FileBytes& bytes, const std::string& path);

}  // namespace tessera
