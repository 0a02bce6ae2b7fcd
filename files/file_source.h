// Files below one root, wherever they really lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// Why an entry of a folder is neither a file nor a folder to read.
enum class LeftOutReason : std::uint8_t {
  kHidden,     ///< its name starts with a dot
  kLitter,     ///< left by a system that stores files, such as `@eaDir` or `Thumbs.db`
  kDangling,   ///< a link to what is not there
  kUnreadable  ///< a pipe, a socket, a device, or what the system does not let one see
};

struct LeftOut {
  std::string path;  ///< below the root; of a folder, for all that is in it
  LeftOutReason reason = LeftOutReason::kHidden;
};

/// What is directly in a folder. `files` are paths below the root, `folders` names sorted by bytes.
struct FolderEntries {
  std::vector<std::string> files;
  std::vector<std::string> folders;
  std::vector<LeftOut> left_out;
};

/// What is in a folder, in any depth: paths below the root, sorted by bytes.
struct Listing {
  std::vector<std::string> files;
  std::vector<LeftOut> left_out;
};

/// Paths are relative to the root, with `/` between names; "" is the root itself. Thread-safe.
class FileSource {
 public:
  explicit FileSource(std::string root) : root_(std::move(root)) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  virtual ~FileSource() = default;

  const std::string& root() const { return root_; }

  virtual Listing list(const std::string& folder) const = 0;
  virtual FolderEntries entries(const std::string& folder) const = 0;

  /// The parts of `list` and `entries`.
  std::vector<std::string> files(const std::string& folder) const { return list(folder).files; }
  std::vector<std::string> top_files(const std::string& folder) const {
    return entries(folder).files;
  }
  std::vector<std::string> folders(const std::string& folder) const {
    return entries(folder).folders;
  }

  virtual bool has_file(const std::string& path) const = 0;
  virtual bool has_folder(const std::string& path) const = 0;

  /// Bytes of a file; 0 if there is none.
  virtual std::uint64_t file_size(const std::string& path) const = 0;

  /// Throws DataError if the file is missing, unreadable, or larger than `limit` bytes.
  virtual std::vector<std::uint8_t> read(const std::string& path, std::size_t limit) const = 0;

 private:
  std::string root_;
};

/// A folder, a tar archive or, where the name holds braces, many of them (see ShardSource). Throws
/// DataError if it is none of these. What the headers of archives say, which of a million files
/// takes seconds and 100 MB, is read once for all that are open at the same time and have not
/// changed.
std::shared_ptr<const FileSource> open_files(const std::string& root);

/// `folder/name` below a root, or `name` where the folder is the root.
std::string joined(const std::string& folder, const std::string& name);

/// Why an entry of this name is left out whatever it is; nothing if it is not.
std::optional<LeftOutReason> reason_to_leave_out(std::string_view name);

/// A path below the root without `.`, `..` and empty names; nothing if it is absolute, leads out of
/// the root, or holds a zero byte.
std::optional<std::string> clean_path(std::string_view path);

}  // namespace tessera
