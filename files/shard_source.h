// Samples in many tar archives, as WebDataset lays them out (github.com/webdataset/webdataset).
#pragma once

#include <string>
#include <vector>

#include "files/file_source.h"

namespace tessera {

/// The files of one sample stand together and have one name up to the first dot, KEY: KEY.jpg (or
/// jpeg, webp, bmp, png) with its class in KEY.cls or in KEY.json (`cls`, `label` or `class`), or
/// with a mask in KEY.png, KEY.seg.png or KEY.mask.png. They are shown as the folders of those data
/// sets: `PART/CLASS/SHARD/KEY.jpg`, or `images/PART/SHARD/KEY.jpg` and
/// `masks/PART/SHARD/KEY.png`. SHARD is the name of the archive; PART is its last word before the
/// number if that is train, val or test, as in `imagenet-train-000012.tar`, else it is left out.
/// Archives are read in place, any sample at once.
class ShardSource final : public FileSource {
 public:
  /// `pattern` as for expand_braces. Reads all headers and classes, by all threads. Throws
  /// DataError if an archive is missing or damaged (see read_tar_index), or a sample has no class
  /// and no mask.
  explicit ShardSource(const std::string& pattern);
  ~ShardSource() override;

  Listing list(const std::string& folder) const override;
  FolderEntries entries(const std::string& folder) const override;
  bool has_file(const std::string& path) const override { return find(path) != nullptr; }
  bool has_folder(const std::string& path) const override;
  std::uint64_t file_size(const std::string& path) const override;
  std::vector<std::uint8_t> read(const std::string& path, std::size_t limit) const override;

 private:
  struct Shard {
    std::string path;
    int file = -1;
  };
  struct Entry {
    std::string path;
    std::uint64_t offset;
    std::uint32_t size;
    std::uint32_t shard;
  };

  std::vector<Entry> index(std::uint32_t shard) const;
  std::string class_of(const Shard& shard, const std::string& key, std::string_view ending,
                       std::uint64_t offset, std::uint64_t size) const;
  const Entry* find(const std::string& path) const;
  std::vector<Entry>::const_iterator first_below(const std::string& prefix) const;

  std::vector<Shard> shards_;
  std::vector<Entry> entries_;  ///< by path
};

}  // namespace tessera
