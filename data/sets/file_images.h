// Photos of dense data sets: read whole, in their own size, and what is known of each.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/images/disk_cache.h"
#include "data/images/image.h"
#include "data/images/ram_cache.h"
#include "files/file_source.h"

namespace tessera {

/// The image as `read` gives it, and how its file has it.
struct PhotoFacts {
  ImageSize size;       ///< upright
  int orientation = 1;  ///< of EXIF, already undone
  ImageSize stored() const { return orientation >= 5 ? ImageSize{size.width, size.height} : size; }
};

/// Thread-safe.
class FileImages {
 public:
  /// `paths` below the root of `files`, which must outlive this; read as so many channels.
  /// `warnings` of listing them are told once.
  FileImages(const FileSource& files, std::vector<std::string> paths, std::int64_t channels,
             const DataConfig& config, std::vector<std::string> warnings);

  std::int64_t size() const { return static_cast<std::int64_t>(paths_.size()); }
  const std::string& path(std::int64_t i) const { return paths_[static_cast<std::size_t>(i)]; }

  /// With the root before it, for messages.
  std::string full_path(std::int64_t i) const;

  /// Image `i`, decoded into `buffer` or from the cache. Throws DataError.
  ImageView read(std::int64_t i, Image& buffer) const;

  /// Reads the file where it has not been read yet. Throws DataError.
  PhotoFacts facts(std::int64_t i) const;

  /// Since the last call.
  std::vector<std::string> take_warnings() const;

 private:
  std::vector<std::uint8_t> read_file_of(std::int64_t i) const;
  void remember(std::int64_t i, const PhotoFacts& facts) const;

  const FileSource& files_;
  std::vector<std::string> paths_;
  std::int64_t channels_;
  mutable std::vector<std::atomic<std::uint64_t>> facts_;  ///< packed; 0: not known yet
  mutable std::optional<RamCache> ram_;
  mutable std::optional<DiskCache> disk_;
  mutable std::mutex mutex_;                   ///< guards warnings_
  mutable std::vector<std::string> warnings_;  ///< not told yet
};

}  // namespace tessera
