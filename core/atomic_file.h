// Files that are either completely there or not there at all, also after a crash; and files that
// only grow.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/checksum.h"
#include "core/posix.h"

namespace tessera {

/// A file that is written beside its final name and takes that name in `commit`. Destroyed before
/// that, it removes what it wrote, and a file that had the name stays as it was. A device or pipe
/// (`/dev/stdout`) is written directly, a pipe only if something reads it. Every function throws
/// CheckpointError with the system's reason.
class AtomicFile {
 public:
  /// `path` may be a symbolic link: then the file it points to is replaced. What processes that
  /// were killed left of this very file is removed.
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);

  /// Syncs the file, renames it to its final name and syncs the folder.
  void commit();

  /// The same, unless there is a file of that name by then: false, and it stays what it is.
  bool commit_if_absent();

  /// Of what was written so far.
  std::uint64_t checksum() const { return checksum_.value(); }

 private:
  void open_temporary();
  bool finish(bool replaces);

  std::filesystem::path path_;
  std::filesystem::path temporary_;  ///< the same as path_ for a device
  Descriptor file_;
  Checksum checksum_;
};

/// AtomicFile in one call.
void write_atomically(const std::filesystem::path& path, std::string_view text);
bool write_if_absent(const std::filesystem::path& path, std::string_view text);

/// True for the name of a file that an AtomicFile is writing or was.
bool is_temporary_name(std::string_view name);

/// Removes the files that an AtomicFile left in `folder` when its process was killed: those that no
/// process holds. Throws nothing.
void sweep_temporary_files(const std::filesystem::path& folder) noexcept;

/// A file that is only appended to. What a full disk did not take is kept and tried again.
class AppendFile {
 public:
  /// Throws CheckpointError if it cannot be opened.
  explicit AppendFile(const std::filesystem::path& path);
  AppendFile(AppendFile&&) = default;
  AppendFile& operator=(AppendFile&&) = default;
  ~AppendFile() { flush(); }

  void append(std::string_view text);

  /// Hands on what is there, so that others can read it; false, with errno set, if that failed.
  bool flush() noexcept;

  /// Makes it survive a crash. Throws CheckpointError.
  void sync();

  /// Gives up what could not be written, for a file that may have gaps.
  void drop() { waiting_.clear(); }

 private:
  std::filesystem::path path_;
  Descriptor file_;
  std::string waiting_;
};

}  // namespace tessera
