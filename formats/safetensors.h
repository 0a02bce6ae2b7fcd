// Reading of safetensors: a JSON header with names, types and places, then the raw elements.
#pragma once

#include <filesystem>
#include <string>

#include "formats/file_bytes.h"
#include "formats/tensor_file.h"

namespace tessera {

/// Reads all of a file; tensors come in the order of their data. Throws CheckpointError that names
/// file, tensor and values if the file cannot be read or breaks any rule of the format: a header
/// above 100,000,000 bytes, a duplicate or unknown key, a shape whose product overflows or differs
/// from the length of its data, elements that overlap, leave a hole, or end before or after the
/// file does.
TensorFile read_safetensors(const std::filesystem::path& path);

/// The same of bytes in memory, which the result shares. `path` stands for the file in messages.
TensorFile parse_safetensors(const FileBytes& bytes, const std::string& path);

}  // namespace tessera
