#include "data/preview.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/images/canvas.h"
#include "data/sets/synthetic.h"

namespace tessera {
namespace {

LoaderOptions plain_options() {
  LoaderOptions options;
  options.batch_size = 4;
  options.normalization = dataset_info(DatasetName::kSynthetic).normalization;
  options.workers = 0;
  return options;
}

/// `part` is somewhere in `whole`, pixel for pixel.
bool holds(const Image& whole, const Image& part) {
  for (std::int64_t y = 0; y + part.shape.height <= whole.shape.height; ++y) {
    for (std::int64_t x = 0; x + part.shape.width <= whole.shape.width; ++x) {
      std::int64_t row = 0;
      while (row < part.shape.height &&
             std::equal(part.pixels.begin() + row * part.shape.width * 3,
                        part.pixels.begin() + (row + 1) * part.shape.width * 3,
                        whole.pixels.begin() + ((y + row) * whole.shape.width + x) * 3)) {
        ++row;
      }
      if (row == part.shape.height) return true;
    }
  }
  return false;
}

TEST_CASE("preview: without augmentation, the images themselves, enlarged by whole steps") {
  const auto dataset = make_shapes({.image = {30, 24, 3}, .samples = 10}, Split::kTrain);
  const Image sheet = preview(*dataset, plain_options(), 6);
  CHECK(sheet.shape.channels == 3);
  const auto panel = [&](std::int64_t i) {
    const auto pixels = dataset->pixels(i);
    return panel_of({dataset->image(), {pixels.begin(), pixels.end()}}, 160);
  };
  CHECK(panel(0).shape == ImageShape{150, 120, 3});
  for (const std::int64_t i : {0, 3, 4, 5}) CHECK(holds(sheet, panel(i)));
  CHECK_FALSE(holds(sheet, panel(6)));
}

TEST_CASE("preview: grey images, epochs that are short, one image") {
  const auto grey = make_shapes({.image = {16, 16, 1}, .samples = 5}, Split::kTrain);
  LoaderOptions options = plain_options();
  options.normalization = {{0.5f}, {0.25f}};
  options.drop_last = true;
  const Image many = preview(*grey, options, 30);  // an epoch has one batch of 4
  const Image one = preview(*grey, options, 1);
  CHECK(many.shape.height > 7 * 160);
  CHECK(one.shape.height < 300);
}

TEST_CASE("preview: mixing shows") {
  const auto dataset = make_shapes({.samples = 64}, Split::kTrain);
  LoaderOptions options = plain_options();
  options.batch_size = 64;
  const Image plain = preview(*dataset, options, 8);
  options.augment.cutmix = 1.0;
  CHECK(preview(*dataset, options, 8).pixels != plain.pixels);
}

}  // namespace
}  // namespace tessera
