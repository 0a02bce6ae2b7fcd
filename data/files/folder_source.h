// The files of a folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/files/file_source.h"

namespace tessera {

/// Links are followed, but for a folder that holds itself. Absolute paths are taken as they are.
class FolderSource final : public FileSource {
 public:
  using FileSource::FileSource;

  std::vector<std::string> files(const std::string& folder) const override;
  std::vector<std::string> top_files(const std::string& folder) const override;
  std::vector<std::string> folders(const std::string& folder) const override;
  bool has_file(const std::string& path) const override;
  bool has_folder(const std::string& path) const override;
  std::uint64_t file_size(const std::string& path) const override;
  std::vector<std::uint8_t> read(const std::string& path, std::size_t limit) const override;

 private:
  std::filesystem::path full(const std::string& path) const;
};

}  // namespace tessera
