// The files of a tar archive, read in place.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "files/file_source.h"

namespace tessera {

class TarArchive;

class TarSource final : public FileSource {
 public:
  /// Reads all headers. Throws DataError as read_tar_index, or if the file cannot be read.
  explicit TarSource(const std::string& path);
  ~TarSource() override;

  Listing list(const std::string& folder) const override;
  FolderEntries entries(const std::string& folder) const override;
  bool has_file(const std::string& path) const override;
  bool has_folder(const std::string& path) const override;
  std::uint64_t file_size(const std::string& path) const override;
  std::vector<std::uint8_t> read(const std::string& path, std::size_t limit) const override;

 private:
  std::unique_ptr<const TarArchive> archive_;
};

}  // namespace tessera
