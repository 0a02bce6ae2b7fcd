#include "formats/torch_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/pickle.h"
#include "formats/zip_archive.h"

namespace tessera {
namespace {

/// The files of PyTorch before 1.6 begin with this pickled number.
constexpr std::array<std::uint8_t, 15> kLegacyStart{0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                                    0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
constexpr std::string_view kPickle = "data.pkl";

bool is_legacy(std::span<const std::byte> bytes) {
  return bytes.size() >= kLegacyStart.size() &&
         std::memcmp(bytes.data(), kLegacyStart.data(), kLegacyStart.size()) == 0;
}

/// The folder within the archive that holds the pickle: `archive/`.
std::string find_folder(const ZipArchive& archive, const std::string& path) {
  for (const std::string& name : archive.names_with(kPickle)) {
    const std::string folder = name.substr(0, name.size() - kPickle.size());
    if (folder.empty() || folder.find('/') == folder.size() - 1) return folder;
  }
  fail<CheckpointError>("[torch] {}: a ZIP archive without {}: not written by torch.save", path,
                        kPickle);
}

void check_byte_order(const ZipArchive& archive, const std::string& folder,
                      const std::string& path) {
  const std::string name = folder + "byteorder";
  if (!archive.has(name)) return;
  const auto order = archive.read(name);
  const std::string_view text(reinterpret_cast<const char*>(order.data()), order.size());
  if (text != "little") fail<CheckpointError>("[torch] {}: byte order {}", path, quoted(text));
}

/// Elements of `tensor`. Throws if they, or the places they lie at, are not within the storage.
std::int64_t check_extent(const PickledTensor& tensor, const std::string& path) {
  std::int64_t count = 1, last = tensor.offset;
  bool overflow = false, is_empty = false;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    is_empty |= tensor.shape[i] == 0;
    std::int64_t reach = 0;
    overflow |= __builtin_mul_overflow(count, tensor.shape[i], &count);
    overflow |= __builtin_mul_overflow(std::max<std::int64_t>(0, tensor.shape[i] - 1),
                                       tensor.strides[i], &reach);
    overflow |= __builtin_add_overflow(last, reach, &last);
  }
  if (is_empty) return 0;
  if (overflow || last >= tensor.storage_size || count > tensor.storage_size) {
    fail<CheckpointError>(
        "[torch] {}: tensor {}: shape [{}], strides [{}] and offset {} reach out of its {} "
        "elements",
        path, quoted(tensor.name), fmt::join(tensor.shape, ", "), fmt::join(tensor.strides, ", "),
        tensor.offset, tensor.storage_size);
  }
  return count;
}

bool is_contiguous(const PickledTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

/// Copies `count` elements of any strides into row-major order.
void gather(const PickledTensor& tensor, std::span<const std::byte> storage, std::int64_t count,
            std::byte* to) {
  const std::size_t size = size_of(tensor.type);
  std::vector<std::int64_t> index(tensor.shape.size());
  std::int64_t from = tensor.offset;
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + static_cast<std::size_t>(i) * size,
                storage.data() + static_cast<std::size_t>(from) * size, size);
    for (std::size_t axis = index.size(); axis-- > 0;) {
      from += tensor.strides[axis];
      if (++index[axis] < tensor.shape[axis]) break;
      from -= tensor.strides[axis] * tensor.shape[axis];
      index[axis] = 0;
    }
  }
}

StoredTensor read_tensor(const PickledTensor& tensor, std::span<const std::byte> storage,
                         const FileBytes& bytes, const std::string& path) {
  const std::size_t size = size_of(tensor.type);
  if (storage.size() / size != static_cast<std::size_t>(tensor.storage_size) ||
      storage.size() % size != 0) {
    fail<CheckpointError>("[torch] {}: tensor {}: storage {} has {} bytes, expected {} {}", path,
                          quoted(tensor.name), quoted(tensor.storage), storage.size(),
                          tensor.storage_size, name_of(tensor.type));
  }
  const auto count = static_cast<std::size_t>(check_extent(tensor, path));
  StoredTensor stored{tensor.name, tensor.type, tensor.shape, {}, bytes.data};
  if (count == 0) return stored;
  if (is_contiguous(tensor)) {
    stored.bytes = storage.subspan(static_cast<std::size_t>(tensor.offset) * size, count * size);
    return stored;
  }
  const auto copy = std::make_shared_for_overwrite<std::byte[]>(count * size);
  gather(tensor, storage, static_cast<std::int64_t>(count), copy.get());
  stored.bytes = {copy.get(), count * size};
  stored.owner = copy;
  return stored;
}

}  // namespace

bool is_torch_file(std::span<const std::byte> bytes) {
  return ZipArchive::is_archive(bytes) || is_legacy(bytes);
}

TensorFile parse_torch_file(const FileBytes& bytes, const std::string& path) {
  if (is_legacy(bytes.span())) {
    fail<CheckpointError>(
        "[torch] {}: written in the format of PyTorch before 1.6: save it again with "
        "python3 -c \"import torch; torch.save(torch.load('{}', map_location='cpu'), 'new.pth')\"",
        path, path);
  }
  const ZipArchive archive(bytes.span(), path);
  const std::string folder = find_folder(archive, path);
  check_byte_order(archive, folder, path);

  TensorFile file{.path = path, .metadata = {}, .tensors = {}};
  std::map<std::string, std::span<const std::byte>> storages;
  std::set<std::string> names;
  std::size_t taken = 0, copied = 0;
  for (const PickledTensor& tensor : read_pickle(archive.read(folder + "data.pkl"), path)) {
    if (!names.insert(tensor.name).second) {
      fail<CheckpointError>("[torch] {}: two tensors are named {}", path, quoted(tensor.name));
    }
    auto found = storages.find(tensor.storage);
    if (found == storages.end()) {
      const auto entry = archive.read(fmt::format("{}data/{}", folder, tensor.storage));
      found = storages.emplace(tensor.storage, entry).first;
      taken += entry.size();
    }
    file.tensors.push_back(read_tensor(tensor, found->second, bytes, path));
    // Entries that overlap and transposed views of one storage could take any time and memory.
    if (file.tensors.back().owner != bytes.data) copied += file.tensors.back().bytes.size();
    if (taken > bytes.size || copied > bytes.size) {
      fail<CheckpointError>("[torch] {}: its tensors take more bytes than the file has", path);
    }
  }
  if (file.tensors.empty()) fail<CheckpointError>("[torch] {}: holds no tensors", path);
  return file;
}

}  // namespace tessera
