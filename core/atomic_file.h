// Files and links that are either completely there or not there at all, also after a crash.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace tessera {

/// A file that is written beside its final name and takes that name in `commit`. Destroyed before
/// that, it removes what it wrote, and a file that had the name stays as it was. A device or pipe
/// (`/dev/stdout`) is written directly. Every function throws CheckpointError with the system's
/// reason.
class AtomicFile {
 public:
  /// `path` may be a symbolic link: then the file it points to is replaced.
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);

  /// Syncs the file, renames it to its final name and syncs the folder.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;  ///< the same as path_ for a device
  int descriptor_ = -1;
};

/// Makes names created, renamed or removed in `folder` survive a loss of power.
void sync_folder(const std::filesystem::path& folder);

/// Renames a file, folder or link; a file or link of the new name is replaced in the same instant.
void rename_path(const std::filesystem::path& from, const std::filesystem::path& to);

/// Exchanges two paths that both exist.
void exchange_paths(const std::filesystem::path& a, const std::filesystem::path& b);

/// Makes `link` a symbolic link to `target`, by way of the link `temporary`.
void replace_symlink(const std::filesystem::path& target, const std::filesystem::path& link,
                     const std::filesystem::path& temporary);

}  // namespace tessera
