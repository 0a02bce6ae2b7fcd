#include "formats/read_weights.h"

#include "formats/file_bytes.h"
#include "formats/safetensors.h"
#include "formats/torch_file.h"

namespace tessera {

TensorFile read_weights(const std::filesystem::path& path) {
  const FileBytes bytes = read_file(path);
  return is_torch_file(bytes.span()) ? parse_torch_file(bytes, path.string())
                                     : parse_safetensors(bytes, path.string());
}

}  // namespace tessera
