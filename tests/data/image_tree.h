// Folders of small images that the tests make for themselves.
#pragma once

#include <filesystem>
#include <string>

#include "data/data_config.h"
#include "data/images/image.h"
#include "tests/data/files.h"

namespace tessera::testing {

/// A gradient whose colours say which picture it is.
inline Image picture(int number, std::int64_t height = 12, std::int64_t width = 16) {
  Image image{{height, width, 3}, {}};
  for (std::int64_t i = 0; i < height * width; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(10 * number));
    image.pixels.push_back(static_cast<std::uint8_t>(i % width * 9));
    image.pixels.push_back(static_cast<std::uint8_t>(i / width * 9));
  }
  return image;
}

inline void write_picture(const std::filesystem::path& path, int number, std::int64_t height = 12,
                          std::int64_t width = 16) {
  std::filesystem::create_directories(path.parent_path());
  write_png(path, picture(number, height, width));
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  write_file(path, {text.begin(), text.end()});
}

/// train: 4 cats, 2 dogs; val: 1 cat, 2 dogs. Every picture has a number of its own.
inline void write_pets(const std::filesystem::path& root) {
  for (int i = 0; i < 4; ++i) write_picture(root / "train/cat" / fmt::format("c{}.png", i), i);
  write_picture(root / "train/dog/d0.png", 4, 20, 10);
  write_picture(root / "train/dog/deep/er/d1.PNG", 5);
  write_picture(root / "val/cat/c.png", 6);
  write_picture(root / "val/dog/d.png", 7);
  write_picture(root / "val/dog/e.png", 8);
}

inline DataConfig folder_config(const std::filesystem::path& root) {
  DataConfig config;
  config.name = DatasetName::kImageFolder;
  config.root = root.string();
  config.image = {8, 8, 3};
  return config;
}

}  // namespace tessera::testing
