// Small data sets of masks and boxes that the tests make for themselves.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/open_dataset.h"
#include "tests/data/image_tree.h"
#include "tests/files/tar_writer.h"
#include "tests/support/index_png.h"

namespace tessera::testing {

inline DataConfig dense_config(DatasetName name, const std::filesystem::path& root) {
  DataConfig config = folder_config(root);
  config.name = name;
  config.image = {12, 16, 3};
  return config;
}

struct Numbers {
  int height = 0, width = 0;
  std::vector<std::uint8_t> values;  ///< [height, width]
};

/// From 0 to `most`, in turn.
inline Numbers numbers_up_to(int height, int width, int most) {
  Numbers numbers{height, width, {}};
  for (int i = 0; i < height * width; ++i) {
    numbers.values.push_back(static_cast<std::uint8_t>(i % (most + 1)));
  }
  return numbers;
}

/// As grey of 8 bits or, of 4 bits, as indices of a palette: 0 is #fbf4ed, 1 #e6dfd8, 2 #d1cac3.
inline void write_mask(const std::filesystem::path& path, const Numbers& numbers,
                       bool with_palette = false) {
  const std::string file = test::index_png(
      numbers.values,
      {.width = numbers.width, .bits = with_palette ? 4 : 8, .type = with_palette ? 3 : 0});
  std::filesystem::create_directories(path.parent_path());
  write_file(path, {file.begin(), file.end()});
}

/// An image whose file says how the camera was held.
inline Bytes png_with_orientation(const Image& image, int orientation) {
  const std::string encoded = encode_png(image);
  constexpr std::size_t kAfterHeader = 8 + 12 + 13;
  std::string file = encoded.substr(0, kAfterHeader);
  const std::string tiff = {'M', 'M',  0, 42, 0, 0, 0, 8, 0, 1,
                            1,   0x12, 0, 3,  0, 0, 0, 1, 0, static_cast<char>(orientation),
                            0,   0,    0, 0,  0, 0};
  test::detail::append_chunk(file, "eXIf", tiff);
  file += encoded.substr(kAfterHeader);
  return {file.begin(), file.end()};
}

/// Black but for a red rectangle of rows 2 to 5 and columns 3 to 12, of 10 x 20 pixels.
inline Image red_rectangle() {
  Image image{{10, 20, 3}, std::vector<std::uint8_t>(600)};
  for (std::size_t y = 2; y < 6; ++y) {
    for (std::size_t x = 3; x < 13; ++x) image.pixels[(y * 20 + x) * 3] = 200;
  }
  return image;
}

/// Around all that is red.
inline Box hull_of_red(const ImageView& image) {
  Box hull{1000, 1000, 0, 0, 0, false, 0};
  for (std::int64_t y = 0; y < image.shape.height; ++y) {
    for (std::int64_t x = 0; x < image.shape.width; ++x) {
      if (image.pixels[static_cast<std::size_t>((y * image.shape.width + x) * 3)] < 100) continue;
      hull.x0 = std::min(hull.x0, static_cast<float>(x));
      hull.y0 = std::min(hull.y0, static_cast<float>(y));
      hull.x1 = std::max(hull.x1, static_cast<float>(x + 1));
      hull.y1 = std::max(hull.y1, static_cast<float>(y + 1));
    }
  }
  hull.area = hull.width() * hull.height();
  return hull;
}

inline std::vector<std::string> sample_names(const Dataset& dataset) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < dataset.size(); ++i) names.push_back(dataset.sample_name(i));
  return names;
}

/// All files below `root` as an archive.
inline void write_tree_as_tar(const std::filesystem::path& tar, const std::filesystem::path& root) {
  TarWriter writer;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    writer.add(std::filesystem::relative(entry.path(), root).string(), bytes_of(entry.path()));
  }
  write_file(tar, writer.bytes());
}

/// What opening the split or reading all of it throws.
inline std::string dense_error(const DataConfig& config, Split split = Split::kTrain) {
  return message_of<DataError>([&] {
    const auto dataset = open_dataset(config, split);
    Image buffer;
    for (std::int64_t i = 0; i < dataset->size(); ++i) {
      dataset->read(i, buffer);
      dataset->target(i);
    }
  });
}

}  // namespace tessera::testing
