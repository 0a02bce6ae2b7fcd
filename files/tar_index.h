// Where the files of a tar archive lie in it: ustar (POSIX.1-1988), pax (POSIX.1-2001), GNU.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>

namespace tessera {

struct TarFile {
  std::uint64_t offset = 0;  ///< of its first byte in the archive
  std::uint64_t size = 0;
};

struct TarIndex {
  std::map<std::string, TarFile> files;  ///< by path; links stand for what they point to
  std::set<std::string> folders;         ///< all on the way to a file, and the empty ones
};

/// Fills `out` with the bytes of an archive from `offset` on; never asked for bytes beyond its end.
using ReadAt = std::function<void(std::uint64_t offset, std::span<std::uint8_t> out)>;

/// Reads the headers of an archive of `size` bytes. Of equal paths the last counts, as in
/// unpacking; devices are left out. `name` is for messages. Throws DataError that names the byte if
/// a checksum is wrong, the archive ends early, is compressed, sparse or of several volumes, a path
/// leads out of it, or a link to a file that is not in it.
TarIndex read_tar_index(const ReadAt& read_at, std::uint64_t size, const std::string& name);

}  // namespace tessera
