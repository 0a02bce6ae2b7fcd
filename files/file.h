// Reading whole files, and finding the folder a data set lies in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// Opens a file for reading; the descriptor is the caller's. Throws DataError if it is missing or
/// unreadable, or no regular file: a pipe or a device could keep one waiting for ever.
int open_file(const std::filesystem::path& path);

/// Fills `out` with bytes of an open file from `offset` on. `name`, as it may be shown, is for
/// messages. Throws DataError, also if the file ends before.
void read_at(int file, std::uint64_t offset, std::span<std::uint8_t> out, const std::string& name);

/// Of a list of files or classes: read whole.
inline constexpr std::size_t kMaxListBytes = std::size_t{1} << 30;

/// The bytes of a file, unpacked if it is gzip. Throws DataError if it is missing, unreadable,
/// no regular file, larger than `limit` bytes (unpacked), or a truncated or corrupt gzip.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t limit);

/// Where to look for a data set and what to tell whoever has not got it.
struct FolderSearch {
  std::string_view name;
  std::string_view file;                     ///< plain or with `.gz`; its folder is the one
  std::vector<std::string_view> subfolders;  ///< tried below each place
  std::string_view advice;                   ///< how to get the files
};

/// The folder that holds `search.file`: `root` or a subfolder of it; with an empty root, subfolders
/// of $TESSERA_DATA, ./datasets and /usr/share/datasets. Throws DataError that says where it
/// looked.
std::filesystem::path find_folder(const FolderSearch& search, const std::string& root);

/// `folder/file` or, if only that exists, `folder/file.gz`.
std::filesystem::path plain_or_gzip(const std::filesystem::path& folder, std::string_view file);

}  // namespace tessera
