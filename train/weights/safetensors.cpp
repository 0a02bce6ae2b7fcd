#include "train/weights/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "train/weights/safetensors_header.h"

namespace tessera {
namespace {

constexpr std::int64_t kLengthBytes = 8;

/// A regular file opened for reading, of a size that is known.
class InputFile {
 public:
  explicit InputFile(const std::string& path) : path_(path) {
    descriptor_ =
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // never waits for a pipe
    struct stat info {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &info) != 0) {
      const int error = errno;
      close();
      fail<CheckpointError>("[safetensors] {}: {}", path_, std::strerror(error));
    }
    if (!S_ISREG(info.st_mode)) {
      close();
      fail<CheckpointError>("[safetensors] {}: not a regular file", path_);
    }
    size_ = info.st_size;
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { close(); }

  std::int64_t size() const { return size_; }

  void read(void* to, std::int64_t count) {
    auto* bytes = static_cast<std::byte*>(to);
    while (count > 0) {
      constexpr std::int64_t kMostAtOnce = std::int64_t{1} << 30;
      const ssize_t got =
          ::read(descriptor_, bytes, static_cast<std::size_t>(std::min(count, kMostAtOnce)));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail<CheckpointError>("[safetensors] {}: {}", path_, std::strerror(errno));
      if (got == 0) fail<CheckpointError>("[safetensors] {}: shrank while being read", path_);
      bytes += got;
      count -= got;
    }
  }

 private:
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  std::string path_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
};

std::int64_t read_header_length(InputFile& input, const std::string& path) {
  if (input.size() < kLengthBytes) {
    fail<CheckpointError>("[safetensors] {}: {} bytes are too few for a safetensors file", path,
                          input.size());
  }
  std::uint64_t length = 0;
  input.read(&length, kLengthBytes);
  if (length > kMaxSafetensorsHeader) {
    fail<CheckpointError>("[safetensors] {}: header length {} is above {}: not a safetensors file?",
                          path, length, kMaxSafetensorsHeader);
  }
  if (static_cast<std::int64_t>(length) > input.size() - kLengthBytes) {
    fail<CheckpointError>("[safetensors] {}: header of {} bytes in a file of {}: truncated?", path,
                          length, input.size());
  }
  return static_cast<std::int64_t>(length);
}

}  // namespace

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const StoredTensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

const StoredTensor& SafetensorsFile::at(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  if (tensor == nullptr) fail<CheckpointError>("[safetensors] {}: no tensor {:?}", path, name);
  return *tensor;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.path = path.string();
  InputFile input(file.path);

  std::string json(static_cast<std::size_t>(read_header_length(input, file.path)), '\0');
  const auto header_bytes = static_cast<std::int64_t>(json.size());
  input.read(json.data(), header_bytes);
  const std::int64_t data_bytes = input.size() - kLengthBytes - header_bytes;
  SafetensorsHeader header = parse_safetensors_header(json, data_bytes, file.path);

  const auto data =
      std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(data_bytes));
  input.read(data.get(), data_bytes);
  file.metadata = std::move(header.metadata);
  file.tensors.reserve(header.entries.size());
  for (SafetensorsEntry& entry : header.entries) {
    file.tensors.push_back({std::move(entry.name),
                            entry.type,
                            std::move(entry.shape),
                            {data.get() + entry.begin, data.get() + entry.end}});
  }
  file.data = data;
  return file;
}

}  // namespace tessera
