#include "data/sets/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "files/file.h"

namespace tessera {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kLimit = std::int64_t{1} << 30;

std::uint32_t big_endian(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 24 |
         static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
         static_cast<std::uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
}

FolderSearch search_of(DatasetName name, std::string_view file) {
  if (name == DatasetName::kFashionMnist) {
    return {"fashion_mnist",
            file,
            {"fashion-mnist", "fashion_mnist", "FashionMNIST/raw"},
            "apt-get install dataset-fashion-mnist, or set data.root"};
  }
  return {"mnist",
          file,
          {"mnist", "MNIST/raw"},
          "set data.root to the folder of the four files *-images-idx3-ubyte and "
          "*-labels-idx1-ubyte"};
}

}  // namespace

IdxArray read_idx(const fs::path& path, int rank) {
  std::vector<std::uint8_t> bytes = read_file(path, static_cast<std::size_t>(kLimit));
  const std::size_t header = 4 + 4 * static_cast<std::size_t>(rank);
  if (bytes.size() < header) {
    fail<DataError>("[idx] {}: {} bytes, the header alone has {}", shown(path.string()),
                    bytes.size(), header);
  }
  const std::uint32_t expected = 0x800u + static_cast<std::uint32_t>(rank);
  if (const std::uint32_t magic = big_endian(bytes, 0); magic != expected) {
    fail<DataError>("[idx] {}: starts with {:#010x}, expected {:#010x} (bytes, {} dimensions)",
                    shown(path.string()), magic, expected, rank);
  }
  IdxArray array;
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(rank); ++axis) {
    const std::int64_t dim = big_endian(bytes, 4 + 4 * axis);
    if (dim == 0 || dim > kLimit / count) {
      fail<DataError>("[idx] {}: dimension {} is {}: empty, or more than {} bytes in all",
                      shown(path.string()), axis, dim, kLimit);
    }
    count *= dim;
    array.dims.push_back(dim);
  }
  if (static_cast<std::int64_t>(bytes.size() - header) != count) {
    fail<DataError>("[idx] {}: {} bytes expected ({} + {}), found {}", shown(path.string()),
                    static_cast<std::int64_t>(header) + count, header, fmt::join(array.dims, " x "),
                    bytes.size());
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  array.data = std::move(bytes);
  return array;
}

std::unique_ptr<ArrayDataset> open_mnist(DatasetName name, const std::string& root, Split split) {
  DatasetInfo info = dataset_info(name);
  const std::string prefix = split == Split::kTrain ? "train" : "t10k";
  const std::string images_name = prefix + "-images-idx3-ubyte";
  const fs::path folder = find_folder(search_of(name, images_name), root);
  const fs::path images_path = plain_or_gzip(folder, images_name);
  const fs::path labels_path = plain_or_gzip(folder, prefix + "-labels-idx1-ubyte");

  IdxArray images = read_idx(images_path, 3);
  IdxArray labels = read_idx(labels_path, 1);
  if (images.dims[1] != info.image.height || images.dims[2] != info.image.width) {
    fail<DataError>("[idx] {}: images of {} x {}, expected {} x {}", shown(images_path.string()),
                    images.dims[1], images.dims[2], info.image.height, info.image.width);
  }
  if (images.dims[0] != labels.dims[0]) {
    fail<DataError>("[idx] {}: {} images, but {} labels in {}", shown(images_path.string()),
                    images.dims[0], labels.dims[0], shown(labels_path.filename().string()));
  }
  const auto wrong = std::find_if(labels.data.begin(), labels.data.end(),
                                  [&](std::uint8_t label) { return label >= info.num_classes(); });
  if (wrong != labels.data.end()) {
    fail<DataError>("[idx] {}: label {} of sample {} is not below {}", shown(labels_path.string()),
                    *wrong, wrong - labels.data.begin(), info.num_classes());
  }
  return std::make_unique<ArrayDataset>(std::move(info), std::move(images.data),
                                        std::move(labels.data));
}

}  // namespace tessera
