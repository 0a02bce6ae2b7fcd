#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "data/loader.h"
#include "tests/data/files.h"
#include "tests/support/thread_peers.h"

namespace tessera {
namespace {

using namespace testing;

const Normalization kPlain{{0.25f, 0.5f, 0.75f}, {0.5f, 0.5f, 0.5f}};

/// Pictures of different sizes, black with a rectangle whose red is the sample's number; the mask
/// is 1 there, the box its hull.
class Rectangles final : public Dataset {
 public:
  Rectangles(TargetKind kind, std::int64_t size, std::int64_t broken = -1)
      : Dataset({"rectangles", {24, 32, 3}, {"a", "b"}, kPlain, 0, 0}),
        kind_(kind),
        size_(size),
        broken_(broken) {}

  std::int64_t size() const override { return size_; }
  TargetKind target_kind() const override { return kind_; }
  std::string sample_name(std::int64_t i) const override { return fmt::format("{}", i); }
  std::uint64_t fingerprint() const override { return 0; }

  static ImageSize size_of(std::int64_t i) { return {20 + i % 5 * 4, 32 - i % 3 * 6}; }

  ImageView read(std::int64_t i, Image& buffer) const override {
    const ImageSize size = size_of(i);
    buffer = {{size.height, size.width, 3}, {}};
    buffer.pixels.resize(static_cast<std::size_t>(buffer.shape.numel()));
    for (std::int64_t y = 5; y < 15; ++y) {
      for (std::int64_t x = 4; x < 16; ++x) {
        buffer.pixels[static_cast<std::size_t>((y * size.width + x) * 3)] =
            static_cast<std::uint8_t>(100 + i);
      }
    }
    return buffer;
  }

  Target target(std::int64_t i) const override {
    if (i == broken_) fail<DataError>("[rectangles] {}.png: broken", i);
    const ImageSize size = size_of(i);
    Target target;
    if (kind_ == TargetKind::kBoxes) {
      if (i % 4 != 3) target.boxes = {{4, 5, 16, 15, static_cast<std::int32_t>(i % 2), false, 120}};
      return target;
    }
    target.mask = {size.height, size.width,
                   std::vector<std::uint8_t>(static_cast<std::size_t>(size.height * size.width))};
    for (std::int64_t y = 5; y < 15; ++y) {
      std::fill_n(target.mask.classes.begin() + y * size.width + 4, 12, std::uint8_t{1});
    }
    return target;
  }

 private:
  TargetKind kind_;
  std::int64_t size_;
  std::int64_t broken_;
};

LoaderOptions dense_options(int workers) {
  LoaderOptions options;
  options.batch_size = 4;
  options.normalization = kPlain;
  options.workers = workers;
  return options;
}

float red(const Batch& batch, std::int64_t i, std::int64_t y, std::int64_t x) {
  const std::int64_t at = ((i * batch.images.dim(1) + y) * batch.images.dim(2) + x) * 3;
  return (batch.images.f32()[at] * 0.5f + 0.25f) * 255.0f;
}

std::int32_t mask_at(const Batch& batch, std::int64_t i, std::int64_t y, std::int64_t x) {
  return batch.masks.data<std::int32_t>()[(i * batch.images.dim(1) + y) * batch.images.dim(2) + x];
}

TEST_CASE("dense loader: images keep their aspect and are padded to the largest of the batch") {
  const Rectangles dataset(TargetKind::kMask, 10);
  LoaderOptions options = dense_options(0);
  options.size_multiple = 16;
  Loader loader(dataset, options);
  loader.start_epoch(0);
  Batch batch;
  std::int64_t sample = 0;
  while (loader.next(batch)) {
    CHECK_FALSE(static_cast<bool>(batch.labels));
    CHECK(batch.boxes.empty());
    CHECK(batch.images.dim(1) % 16 == 0);
    CHECK(batch.images.dim(2) % 16 == 0);
    REQUIRE(batch.masks.shape() == Shape{batch.size(), batch.images.dim(1), batch.images.dim(2)});
    REQUIRE(batch.samples.size() == static_cast<std::size_t>(batch.size()));
    REQUIRE(batch.sizes.size() == batch.samples.size());
    for (std::int64_t i = 0; i < batch.size(); ++i, ++sample) {
      const auto at = static_cast<std::size_t>(i);
      CHECK(batch.samples[at] == sample);
      const ImageSize original = Rectangles::size_of(sample);
      CHECK(batch.original_sizes[at] == ImageShape{original.height, original.width, 3});
      const ImageShape& size = batch.sizes[at];
      CHECK(std::max(size.height, size.width) <= 32);
      CHECK(std::min(size.height, size.width) <= 24);
      // The middle of the rectangle, and what lies beyond the image: the mean colour, ignored.
      const auto y = size.height * 10 / original.height, x = size.width * 10 / original.width;
      CHECK(red(batch, i, y, x) ==
            doctest::Approx(static_cast<double>(100 + sample)).epsilon(0.02));
      CHECK(mask_at(batch, i, y, x) == 1);
      CHECK(mask_at(batch, i, 0, 0) == 0);
      if (size.height < batch.images.dim(1)) {
        CHECK(mask_at(batch, i, size.height, 0) == kIgnored);
        CHECK(
            batch.images.f32()[(i * batch.images.dim(1) + size.height) * batch.images.dim(2) * 3] ==
            0.0f);
      }
    }
  }
  CHECK(sample == 10);
}

TEST_CASE("dense loader: of several processes each pads to the largest image of the whole batch") {
  for (const TargetKind kind : {TargetKind::kMask, TargetKind::kBoxes}) {
    const Rectangles dataset(kind, 24);
    LoaderOptions options = dense_options(0);
    options.shuffle = options.drop_last = true;
    options.batch_size = 6;
    Loader whole(dataset, options);
    whole.start_epoch(0);
    std::vector<Batch> batches(4);
    for (Batch& batch : batches) REQUIRE(whole.next(batch));
    std::array<std::vector<Batch>, 3> parts;
    bool padded = false;
    test::with_peers(3, [&](Peers& peers, int rank) {
      LoaderOptions own = options;
      own.share = {rank, 3};
      Loader loader(dataset, own);
      loader.start_epoch(0);
      for (Batch batch; loader.next(batch);) {
        const Shape before = batch.images.shape();
        pad_alike(batch, peers);
        if (rank == 0) padded = padded || batch.images.shape() != before;
        parts[static_cast<std::size_t>(rank)].push_back(batch);
      }
    });
    CHECK(padded);
    for (std::size_t b = 0; b < batches.size(); ++b) {
      std::int64_t first = 0;
      for (const std::vector<Batch>& of_rank : parts) {
        const Batch& part = of_rank.at(b);
        CHECK(std::ranges::equal(part.images.span(),
                                 test::rows_of(batches[b].images, first, part.size()).span()));
        for (std::size_t i = 0; i < part.samples.size(); ++i) {
          const std::size_t at = static_cast<std::size_t>(first) + i;
          CHECK(part.samples[i] == batches[b].samples[at]);
          if (!batches[b].sizes.empty()) CHECK(part.sizes.at(i) == batches[b].sizes[at]);
          if (kind == TargetKind::kBoxes) CHECK(part.boxes.at(i) == batches[b].boxes[at]);
        }
        if (kind == TargetKind::kMask) {
          const std::int64_t pixels = part.masks.numel();
          CHECK(std::ranges::equal(part.masks.span<std::int32_t>(),
                                   batches[b].masks.span<std::int32_t>().subspan(
                                       static_cast<std::size_t>(first * pixels / part.size()),
                                       static_cast<std::size_t>(pixels))));
        }
        first += part.size();
      }
    }
  }
}

TEST_CASE("dense loader: boxes lie on their rectangles, and an image without is an image") {
  const Rectangles dataset(TargetKind::kBoxes, 40);
  LoaderOptions options = dense_options(0);
  options.augment = {.flip = true, .scale = {0.8, 1.6}, .crop = {20, 24}, .zoom_out = 2.0};
  Loader loader(dataset, options);
  Batch batch;
  int boxes = 0;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    loader.start_epoch(epoch);
    while (loader.next(batch)) {
      REQUIRE(batch.boxes.size() == 4);
      CHECK(batch.images.dim(1) == 20);
      CHECK(batch.images.dim(2) == 24);
      for (std::int64_t i = 0; i < 4; ++i) {
        const std::int64_t sample = batch.samples[static_cast<std::size_t>(i)];
        const std::vector<Box>& found = batch.boxes[static_cast<std::size_t>(i)];
        if (sample % 4 == 3) CHECK(found.empty());
        for (const Box& box : found) {
          ++boxes;
          CHECK(box.label == sample % 2);
          const auto x = static_cast<std::int64_t>(0.5f * (box.x0 + box.x1));
          const auto y = static_cast<std::int64_t>(0.5f * (box.y0 + box.y1));
          CHECK(red(batch, i, y, x) ==
                doctest::Approx(static_cast<double>(100 + sample)).epsilon(0.1));
        }
      }
    }
  }
  CHECK(boxes > 70);
}

TEST_CASE("dense loader: the same bits for any number of workers") {
  for (const TargetKind kind : {TargetKind::kMask, TargetKind::kBoxes}) {
    const Rectangles dataset(kind, 30);
    const auto drain = [&](int workers) {
      LoaderOptions options = dense_options(workers);
      options.shuffle = true;
      options.drop_last = true;
      options.augment = {.flip = true,
                         .scale = {0.5, 2.0},
                         .crop = {24, 24},
                         .photometric = true,
                         .policy = AugmentPolicy::kTrivialAugment};
      Loader loader(dataset, options);
      loader.start_epoch(1);
      std::vector<float> values;
      Batch batch;
      while (loader.next(batch)) {
        const auto images = batch.images.span();
        values.insert(values.end(), images.begin(), images.end());
        for (const auto& boxes : batch.boxes) {
          for (const Box& box : boxes)
            values.insert(values.end(), {box.x0, box.y0, box.x1, box.y1});
        }
        if (!batch.masks) continue;
        for (const std::int32_t value : batch.masks.span<std::int32_t>()) {
          values.push_back(static_cast<float>(value));
        }
      }
      return values;
    };
    const std::vector<float> expected = drain(0);
    CHECK(expected.size() > 7 * 4 * 24 * 24 * 3);
    CHECK(drain(1) == expected);
    CHECK(drain(3) == expected);
  }
}

TEST_CASE("dense loader: a target that cannot be read is an error or left out, and named") {
  const Rectangles dataset(TargetKind::kMask, 6, 2);
  Batch batch;
  {
    Loader loader(dataset, dense_options(0));
    loader.start_epoch(0);
    CHECK(contains(message_of<DataError>([&] { loader.next(batch); }), "2.png: broken"));
  }
  LoaderOptions options = dense_options(1);
  options.on_error = OnError::kSkip;
  Loader loader(dataset, options);
  loader.start_epoch(0);
  REQUIRE(loader.next(batch));
  CHECK(batch.samples == std::vector<std::int64_t>{0, 1, 3});
  CHECK(loader.take_warnings() == std::vector<std::string>{"skipped: [rectangles] 2.png: broken"});
}

TEST_CASE("dense loader: what only classes can follow is refused") {
  const Rectangles dataset(TargetKind::kMask, 6);
  LoaderOptions options = dense_options(0);
  options.augment.mixup = 0.5;
  CHECK(contains(message_of<ConfigError>([&] { Loader(dataset, options); }), "mixup and cutmix"));
  options = dense_options(0);
  options.augment.scale = {2.0, 0.5};
  CHECK(contains(message_of<ConfigError>([&] { Loader(dataset, options); }), "scale [2, 0.5]"));
  options = dense_options(0);
  options.size_multiple = 0;
  CHECK(contains(message_of<ConfigError>([&] { Loader(dataset, options); }), "size_multiple 0"));
}

}  // namespace
}  // namespace tessera
