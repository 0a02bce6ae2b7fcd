#include "data/augment/crop.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace tessera {

Image crop(const ImageView& image, const CropBox& box) {
  const ImageShape& in = image.shape;
  Image result{{box.height, box.width, in.channels}, {}};
  result.pixels.resize(static_cast<std::size_t>(result.shape.numel()));
  std::uint8_t* to = result.pixels.data();
  for (std::int64_t y = 0; y < box.height; ++y) {
    const std::int64_t from = ((box.top + y) * in.width + box.left) * in.channels;
    to = std::copy_n(image.pixels.data() + from, box.width * in.channels, to);
  }
  return result;
}

CropBox middle_box(const ImageShape& image, std::int64_t height, std::int64_t width) {
  CropBox box{0, 0, image.height, image.width};
  if (image.height * width > image.width * height) {
    box.height = std::max<std::int64_t>(1, (image.width * height + width / 2) / width);
  } else {
    box.width = std::max<std::int64_t>(1, (image.height * width + height / 2) / height);
  }
  box.top = (image.height - box.height) / 2;
  box.left = (image.width - box.width) / 2;
  return box;
}

CropBox random_box(const ImageShape& image, const AugmentConfig& config, Rng& rng) {
  constexpr int kAttempts = 10;
  const double area = static_cast<double>(image.height * image.width);
  const auto low = static_cast<float>(std::log(config.crop_aspect[0]));
  const auto high = static_cast<float>(std::log(config.crop_aspect[1]));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double target = area * double{rng.uniform(static_cast<float>(config.crop_area[0]),
                                                    static_cast<float>(config.crop_area[1]))};
    const double aspect = std::exp(double{rng.uniform(low, high)});
    CropBox box{0, 0, std::lround(std::sqrt(target / aspect)),
                std::lround(std::sqrt(target * aspect))};
    if (box.height < 1 || box.width < 1 || box.height > image.height || box.width > image.width) {
      continue;
    }
    box.top = rng.below(static_cast<std::uint32_t>(image.height - box.height + 1));
    box.left = rng.below(static_cast<std::uint32_t>(image.width - box.width + 1));
    return box;
  }
  const double aspect =
      std::clamp(static_cast<double>(image.width) / static_cast<double>(image.height),
                 config.crop_aspect[0], config.crop_aspect[1]);
  constexpr double kUnit = 1 << 16;
  return middle_box(image, static_cast<std::int64_t>(kUnit),
                    std::max<std::int64_t>(1, std::lround(kUnit * aspect)));
}

Image shifted(const ImageView& image, std::int64_t dy, std::int64_t dx) {
  const ImageShape& shape = image.shape;
  Image result{shape, std::vector<std::uint8_t>(image.pixels.size())};
  const std::int64_t columns = std::max<std::int64_t>(0, shape.width - std::abs(dx));
  for (std::int64_t y = std::max<std::int64_t>(0, -dy);
       y < std::min(shape.height, shape.height - dy); ++y) {
    const std::int64_t from = (y + dy) * shape.width + std::max<std::int64_t>(0, dx);
    const std::int64_t to = y * shape.width + std::max<std::int64_t>(0, -dx);
    std::copy_n(image.pixels.data() + from * shape.channels, columns * shape.channels,
                result.pixels.data() + to * shape.channels);
  }
  return result;
}

void flip(Image& image) {
  const auto channels = static_cast<std::ptrdiff_t>(image.shape.channels);
  const auto row = static_cast<std::ptrdiff_t>(image.shape.width) * channels;
  for (auto line = image.pixels.begin(); line != image.pixels.end(); line += row) {
    for (std::ptrdiff_t left = 0, right = row - channels; left < right;
         left += channels, right -= channels) {
      std::swap_ranges(line + left, line + left + channels, line + right);
    }
  }
}

}  // namespace tessera
