#include "data/files/file_source.h"

#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "data/files/folder_source.h"
#include "data/files/tar_source.h"

namespace tessera {

std::unique_ptr<FileSource> open_files(const std::string& root) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(root, ignored)) return std::make_unique<TarSource>(root);
  if (!std::filesystem::is_directory(root, ignored)) {
    fail<DataError>(
        "[data] {}: does not exist; set data.root to the folder or tar archive of the "
        "images",
        root);
  }
  return std::make_unique<FolderSource>(root);
}

}  // namespace tessera
