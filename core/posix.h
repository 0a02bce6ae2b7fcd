// System calls on files. A call that a signal interrupts is made again: here, and nowhere else.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tessera {

/// The result of a system call that says -1 and sets errno if it fails.
template <typename Call>
auto uninterrupted(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

/// A function of std::filesystem; its last argument receives the error.
template <typename Call>
void uninterrupted(std::error_code& error, const Call& call) {
  do {
    error.clear();
    call(error);
  } while (error == std::errc::interrupted);
}

/// A file descriptor, closed on the way out.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }

  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }
  int release();

  /// 0, or the error. It is closed in any case: Linux says so of an interrupted close, too.
  int close();

 private:
  int value_ = -1;
};

/// Empty, with errno set, if it cannot be opened. Closed in programs that this one starts.
Descriptor open_file(const std::filesystem::path& path, int flags, mode_t mode = 0666);

/// How much of `bytes` was written: all of it, or less, with errno set.
std::size_t write_bytes(int descriptor, std::span<const std::byte> bytes);

/// To standard error. What cannot be written there is lost, and nothing else is.
void write_error_text(std::string_view text) noexcept;

/// Opens `/dev/null` as standard input, output and error where a program was started without them,
/// so that no file of ours gets their numbers, and their text.
void open_standard_descriptors();

/// The whole file. Throws CheckpointError with the system's reason, or if it is no regular file.
std::string read_text_file(const std::filesystem::path& path);

/// The same from a byte on; nothing if there is no such file. What is there and cannot be read is
/// an error.
std::optional<std::string> read_if_there(const std::filesystem::path& path, off_t begin = 0);

/// Cuts a file to `size` bytes. Throws CheckpointError.
void cut_file(const std::filesystem::path& path, std::size_t size);

/// Whether there is anything of this name, links followed. Throws CheckpointError if that cannot be
/// told.
bool is_there(const std::filesystem::path& path);

/// Makes a folder in one that is there; nothing happens if it is there already. Throws
/// CheckpointError.
void make_folder(const std::filesystem::path& path);

/// Removes a file, or a folder with all that is in it, if there is one. Throws CheckpointError.
void remove_path(const std::filesystem::path& path);

/// The names of what is in a folder, sorted. Throws CheckpointError.
std::vector<std::string> names_in(const std::filesystem::path& folder);

/// Makes names created, renamed or removed in `folder` survive a loss of power. Throws
/// CheckpointError.
void sync_folder(const std::filesystem::path& folder);

/// Renames a file, folder or link; a file or link of the new name is replaced in the same instant.
/// Throws CheckpointError.
void rename_path(const std::filesystem::path& from, const std::filesystem::path& to);

/// Renames a file unless there is something of the new name: then false. Throws CheckpointError.
bool rename_if_absent(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tessera
