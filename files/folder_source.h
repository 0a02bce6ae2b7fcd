// The files of a folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "files/file_source.h"

namespace tessera {

/// Links are followed; one to a folder that holds it is a DataError, and so is a folder that cannot
/// be read.
class FolderSource final : public FileSource {
 public:
  using FileSource::FileSource;

  Listing list(const std::string& folder) const override;
  FolderEntries entries(const std::string& folder) const override;
  bool has_file(const std::string& path) const override;
  bool has_folder(const std::string& path) const override;
  std::uint64_t file_size(const std::string& path) const override;
  std::vector<std::uint8_t> read(const std::string& path, std::size_t limit) const override;

 private:
  std::filesystem::path full(const std::string& path) const;
  void collect(const std::string& folder, std::vector<std::filesystem::path>& above,
               Listing& listing) const;
};

}  // namespace tessera
