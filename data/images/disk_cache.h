// Decoded images in a folder, for the next epoch and the next run.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "data/images/image.h"

namespace tessera {

/// One file an image, named by what it was made of. A file is written aside and renamed, so runs
/// may share a folder and be killed at any moment; a hash in it tells whether it is whole. What is
/// damaged is made anew, and a full disk ends the writing, not the run. Thread-safe.
class DiskCache {
 public:
  /// Throws DataError if the folder cannot be made.
  explicit DiskCache(std::filesystem::path folder);

  /// False, and `image` as it was, if the image is not there or damaged.
  bool load(std::uint64_t key, Image& image) const;

  void store(std::uint64_t key, const ImageView& image);

  /// Why nothing is written any more, once; else empty.
  std::string take_warning();

 private:
  std::filesystem::path path_of(std::uint64_t key) const;
  void give_up(const std::string& reason);

  std::filesystem::path folder_;
  std::atomic<bool> writes_ = true;
  std::atomic<std::uint64_t> written_ = 0;
  std::mutex mutex_;  ///< guards the warning
  std::string warning_;
};

/// `tessera` in $XDG_CACHE_HOME or ~/.cache. Throws DataError if neither is known.
std::filesystem::path default_cache_folder();

}  // namespace tessera
