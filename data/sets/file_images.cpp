#include "data/sets/file_images.h"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "core/checksum.h"
#include "data/images/decoders.h"
#include "data/sets/dense_files.h"

namespace tessera {
namespace {

std::uint64_t pack(const PhotoFacts& facts) {
  return static_cast<std::uint64_t>(facts.size.height) << 32 |
         static_cast<std::uint64_t>(facts.size.width) << 8 |
         static_cast<std::uint64_t>(facts.orientation);
}

PhotoFacts unpack(std::uint64_t packed) {
  return {
      {static_cast<std::int64_t>(packed >> 32), static_cast<std::int64_t>(packed >> 8 & 0xffffff)},
      static_cast<int>(packed & 0xff)};
}

/// Of the orientation, kept as an image of one pixel.
std::uint64_t turn_key(std::uint64_t key) { return hash_text("turn", key); }

}  // namespace

FileImages::FileImages(const FileSource& files, std::vector<std::string> paths,
                       std::int64_t channels, const DataConfig& config,
                       std::vector<std::string> warnings)
    : files_(files),
      paths_(std::move(paths)),
      channels_(channels),
      facts_(paths_.size()),
      warnings_(std::move(warnings)) {
  if (config.cache == Cache::kRam) ram_.emplace(size(), ram_budget());
  if (config.cache == Cache::kDisk) {
    disk_.emplace(config.cache_folder.empty() ? default_cache_folder().string()
                                              : config.cache_folder);
  }
}

std::string FileImages::full_path(std::int64_t i) const { return shown_path(files_, path(i)); }

std::vector<std::uint8_t> FileImages::read_file_of(std::int64_t i) const {
  return files_.read(path(i), static_cast<std::size_t>(kMaxImageBytes));
}

ImageView FileImages::read(std::int64_t i, Image& buffer) const {
  if (ram_) {
    if (const Image* kept = ram_->find(i)) return *kept;
  }
  const std::vector<std::uint8_t> bytes = read_file_of(i);
  const std::uint64_t key =
      disk_ ? hash_text(fmt::format("whole {}", channels_), hash_bytes(bytes)) : 0;
  Image turn;
  const bool is_kept = disk_ && disk_->load(turn_key(key), turn) && disk_->load(key, buffer);
  if (!is_kept) {
    DecodedImage decoded = decode_turned_image(bytes, files_.root() + '/' + path(i), channels_);
    buffer = std::move(decoded.image);
    turn = {{1, 1, 1}, {static_cast<std::uint8_t>(decoded.orientation)}};
    if (disk_) disk_->store(key, buffer);
    if (disk_) disk_->store(turn_key(key), turn);
  }
  remember(i, {{buffer.shape.height, buffer.shape.width}, int{turn.pixels.front()}});
  if (ram_) {
    if (const Image* kept = ram_->keep(i, buffer)) return *kept;
  }
  return buffer;
}

void FileImages::remember(std::int64_t i, const PhotoFacts& facts) const {
  facts_[static_cast<std::size_t>(i)] = pack(facts);
}

PhotoFacts FileImages::facts(std::int64_t i) const {
  if (facts_[static_cast<std::size_t>(i)] == 0) {
    Image buffer;
    read(i, buffer);
  }
  return unpack(facts_[static_cast<std::size_t>(i)]);
}

std::vector<std::string> FileImages::take_warnings() const {
  std::vector<std::string> warnings;
  if (std::string warning = disk_ ? disk_->take_warning() : ""; !warning.empty()) {
    warnings.push_back(std::move(warning));
  }
  const std::lock_guard lock(mutex_);
  warnings.insert(warnings.end(), warnings_.begin(), warnings_.end());
  warnings_.clear();
  return warnings;
}

}  // namespace tessera
