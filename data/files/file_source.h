// Files below one root, wherever they really lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tessera {

/// Paths are relative to the root, with `/` between names; "" is the root itself. Hidden files and
/// folders, whose names start with a dot, are left out of listings. Thread-safe.
class FileSource {
 public:
  explicit FileSource(std::string root) : root_(std::move(root)) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  virtual ~FileSource() = default;

  const std::string& root() const { return root_; }

  /// Of all files below `folder`, in any depth, sorted by bytes.
  virtual std::vector<std::string> files(const std::string& folder) const = 0;

  /// Of the files directly in `folder`, in any order.
  virtual std::vector<std::string> top_files(const std::string& folder) const = 0;

  /// Names of the folders directly in `folder`, sorted by bytes.
  virtual std::vector<std::string> folders(const std::string& folder) const = 0;

  virtual bool has_file(const std::string& path) const = 0;
  virtual bool has_folder(const std::string& path) const = 0;

  /// Bytes of a file; 0 if there is none.
  virtual std::uint64_t file_size(const std::string& path) const = 0;

  /// Throws DataError if the file is missing, unreadable, or larger than `limit` bytes.
  virtual std::vector<std::uint8_t> read(const std::string& path, std::size_t limit) const = 0;

 private:
  std::string root_;
};

/// A folder or a tar archive. Throws DataError if it is neither.
std::unique_ptr<FileSource> open_files(const std::string& root);

}  // namespace tessera
