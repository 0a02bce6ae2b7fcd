#include "data/images/disk_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include "core/checksum.h"
#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMagic = 0x3130676d69737374u;  // "tssimg01"
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 28;

struct CacheHeader {
  std::uint64_t magic = kMagic;
  std::uint64_t key = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::uint64_t hash = 0;  ///< of the pixels
};

class File {
 public:
  File(const fs::path& path, int flags)
      : number_(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0644)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  bool is_open() const { return number_ >= 0; }

  bool read(std::span<std::uint8_t> out) const {
    while (!out.empty()) {
      const ssize_t count = ::read(number_, out.data(), out.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      out = out.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }

  bool write(std::span<const std::uint8_t> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(number_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }

  bool close() { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

std::span<std::uint8_t> bytes_of(CacheHeader& header) {
  return {reinterpret_cast<std::uint8_t*>(&header), sizeof(CacheHeader)};
}

bool is_possible(const CacheHeader& header, std::uint64_t key) {
  const auto side = [](std::int64_t value) { return value > 0 && value <= (1 << 20); };
  return header.magic == kMagic && header.key == key && side(header.height) && side(header.width) &&
         (header.channels == 1 || header.channels == 3) &&
         header.height * header.width * header.channels <= kMaxPixels;
}

}  // namespace

DiskCache::DiskCache(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail<DataError>("[cache] {}: {}", shown(folder_.string()), error.message());
}

fs::path DiskCache::path_of(std::uint64_t key) const {
  const std::string name = fmt::format("{:016x}", key);
  return folder_ / name.substr(0, 2) / (name.substr(2) + ".img");
}

bool DiskCache::load(std::uint64_t key, Image& image) const {
  const File file(path_of(key), O_RDONLY);
  CacheHeader header;
  if (!file.is_open() || !file.read(bytes_of(header)) || !is_possible(header, key)) return false;
  Image found{{header.height, header.width, header.channels}, {}};
  found.pixels.resize(static_cast<std::size_t>(found.shape.numel()));
  if (!file.read(found.pixels) || hash_bytes(found.pixels) != header.hash) return false;
  image = std::move(found);
  return true;
}

void DiskCache::store(std::uint64_t key, const ImageView& image) {
  if (!writes_) return;
  const fs::path path = path_of(key);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  // A name that no other process has, nor another cache of this one.
  const fs::path aside = fmt::format("{}.{}-{}-{}.part", path.string(), ::getpid(),
                                     static_cast<const void*>(this), written_++);
  CacheHeader header{.key = key,
                     .height = image.shape.height,
                     .width = image.shape.width,
                     .channels = image.shape.channels,
                     .hash = hash_bytes(image.pixels)};
  File file(aside, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.is_open() || !file.write(bytes_of(header)) || !file.write(image.pixels) ||
      !file.close() || ::rename(aside.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(aside.c_str());
    give_up(std::strerror(reason));
  }
}

void DiskCache::give_up(const std::string& reason) {
  if (!writes_.exchange(false)) return;
  const std::lock_guard lock(mutex_);
  warning_ = fmt::format("cache {}: {}; nothing more is written to it", folder_.string(), reason);
}

std::string DiskCache::take_warning() {
  const std::lock_guard lock(mutex_);
  return std::exchange(warning_, "");
}

fs::path default_cache_folder() {
  // NOLINTBEGIN(concurrency-mt-unsafe): nothing in the program changes the environment.
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') {
    return fs::path(cache) / "tessera";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return fs::path(home) / ".cache" / "tessera";
  }
  // NOLINTEND(concurrency-mt-unsafe)
  fail<DataError>("[cache] neither XDG_CACHE_HOME nor HOME is set: set data.cache_folder");
}

}  // namespace tessera
