#include "formats/read_weights.h"

#include "core/text.h"
#include "formats/file_bytes.h"
#include "formats/safetensors.h"
#include "formats/torch_file.h"

namespace tessera {

TensorFile read_weights(const std::filesystem::path& path) {
  const FileBytes bytes = read_file(path);
  return is_torch_file(bytes.span()) ? parse_torch_file(bytes, shown(path.string()))
                                     : parse_safetensors(bytes, shown(path.string()));
}

}  // namespace tessera
