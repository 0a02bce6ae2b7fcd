#include "data/augment/placement.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "data/augment/draw_placement.h"
#include "data/augment/policy.h"

namespace tessera {
namespace {

Rng placement_draws(std::uint64_t sample) { return Rng(5, Stream::kAugment, 0, sample); }

/// A red rectangle on black, its mask, and its hull.
Sample rectangle(std::int64_t height, std::int64_t width, const CropBox& box) {
  Sample sample{{{height, width, 3}, {}}, {}};
  sample.image.pixels.resize(static_cast<std::size_t>(height * width * 3));
  sample.target.mask = {height, width,
                        std::vector<std::uint8_t>(static_cast<std::size_t>(height * width))};
  for (std::int64_t y = box.top; y < box.top + box.height; ++y) {
    for (std::int64_t x = box.left; x < box.left + box.width; ++x) {
      const auto at = static_cast<std::size_t>(y * width + x);
      sample.image.pixels[3 * at] = 200;
      sample.target.mask.classes[at] = 1;
    }
  }
  sample.target.boxes = {{static_cast<float>(box.left), static_cast<float>(box.top),
                          static_cast<float>(box.left + box.width),
                          static_cast<float>(box.top + box.height), 0, false,
                          static_cast<float>(box.height * box.width)}};
  return sample;
}

struct Hull {
  std::int64_t x0 = 1 << 20, y0 = 1 << 20, x1 = 0, y1 = 0;

  void add(std::int64_t x, std::int64_t y) {
    x0 = std::min(x0, x), x1 = std::max(x1, x + 1);
    y0 = std::min(y0, y), y1 = std::max(y1, y + 1);
  }
  bool empty() const { return x1 == 0; }
};

/// Where the picture is clearly red, clearly black (fill is blue) and nothing, must be what the
/// mask says; `slack` pixels around an edge may be either.
void check_agreement(const Sample& placed, double slack) {
  const Mask& mask = placed.target.mask;
  REQUIRE(mask.height == placed.image.shape.height);
  REQUIRE(mask.width == placed.image.shape.width);
  Hull hull;
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) {
      const auto at = static_cast<std::size_t>(y * mask.width + x);
      const std::uint8_t* rgb = &placed.image.pixels[3 * at];
      const std::uint8_t value = mask.classes[at];
      if (value == 1) hull.add(x, y);
      if (rgb[2] == 99 && rgb[0] == 0) {
        REQUIRE(value == kIgnored);
        continue;
      }
      REQUIRE(value != kIgnored);
      if (rgb[0] > 190) REQUIRE(value == 1);
      if (rgb[0] < 10) REQUIRE(value == 0);
    }
  }
  const std::vector<Box>& boxes = placed.target.boxes;
  if (hull.empty()) {
    // The nearest pixels may miss what is thinner than they are.
    for (const Box& box : boxes) REQUIRE(std::min(box.width(), box.height()) <= 1.0f);
    return;
  }
  REQUIRE(boxes.size() == 1);
  REQUIRE(boxes[0].width() > 0.0f);
  REQUIRE(boxes[0].height() > 0.0f);
  REQUIRE(std::abs(boxes[0].x0 - static_cast<float>(hull.x0)) <= slack);
  REQUIRE(std::abs(boxes[0].y0 - static_cast<float>(hull.y0)) <= slack);
  REQUIRE(std::abs(boxes[0].x1 - static_cast<float>(hull.x1)) <= slack);
  REQUIRE(std::abs(boxes[0].y1 - static_cast<float>(hull.y1)) <= slack);
}

Placement random_placement(const ImageShape& image, Rng& rng) {
  const auto within = [&](std::int64_t low, std::int64_t high) {
    return low + std::int64_t{rng.below(static_cast<std::uint32_t>(high - low + 1))};
  };
  const auto part_of = [&](std::int64_t height, std::int64_t width) {
    CropBox part{0, 0, within(1 + height / 2, height), within(1 + width / 2, width)};
    part.top = within(0, height - part.height);
    part.left = within(0, width - part.width);
    return part;
  };
  Placement p =
      Placement::scaling(part_of(image.height, image.width), {within(10, 60), within(10, 60)});
  p.cut = part_of(p.scaled.height, p.scaled.width);
  p.canvas = {within(8, 70), within(8, 70)};
  p.top = within(-p.cut.height / 2, 10);
  p.left = within(-p.cut.width / 2, 10);
  p.flip = rng.below(2) == 1;
  return p;
}

TEST_CASE("placement: image, mask and boxes stay in agreement under 1,000 random placements") {
  const std::vector<std::uint8_t> blue{0, 0, 99};
  int seen = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Rng rng = placement_draws(i);
    const ImageShape shape{20 + rng.below(30), 20 + rng.below(30), 3};
    CropBox box{rng.below(12), rng.below(12), 0, 0};
    box.height = 2 + rng.below(static_cast<std::uint32_t>(shape.height - box.top - 2));
    box.width = 2 + rng.below(static_cast<std::uint32_t>(shape.width - box.left - 2));
    const Sample sample = rectangle(shape.height, shape.width, box);
    const Placement p = random_placement(shape, rng);
    CAPTURE(i);
    const Sample placed{place(sample.image, p, Interpolation::kBilinear, blue),
                        {0, place(sample.target.mask, p), place(sample.target.boxes, p)}};
    check_agreement(placed, 1.0);
    seen += placed.target.boxes.empty() ? 0 : 1;
  }
  CHECK(seen > 600);
  CHECK(seen < 1000);
}

TEST_CASE("placement: shears, translations and turns move masks and boxes with the image") {
  const std::vector<std::uint8_t> blue{0, 0, 99};
  for (std::uint64_t i = 0; i < 300; ++i) {
    Rng rng = placement_draws(i);
    const Sample sample = rectangle(48, 56, {16, 20, 12, 14});
    AugmentConfig config;
    config.policy = i % 2 == 0 ? AugmentPolicy::kRandAugment : AugmentPolicy::kTrivialAugment;
    for (const PolicyChange& change : draw_policy(sample.image.shape, config, rng)) {
      Placement p = Placement::identity({48, 56});
      p.affine = affine_of(change, sample.image.shape);
      if (!p.affine) continue;
      CAPTURE(static_cast<int>(change.op));
      CAPTURE(change.amount);
      const Image image = place(sample.image, p, Interpolation::kBilinear, blue);
      Image warped = sample.image;
      apply(change, warped, blue);
      REQUIRE(image.pixels == warped.pixels);
      const Mask mask = place(sample.target.mask, p);
      const std::vector<Box> boxes = place(sample.target.boxes, p);
      // The hull of a turned rectangle's hull: the mask touches all its sides.
      Hull hull;
      for (std::int64_t y = 0; y < 48; ++y) {
        for (std::int64_t x = 0; x < 56; ++x) {
          const auto at = static_cast<std::size_t>(y * 56 + x);
          if (mask.classes[at] == 1) hull.add(x, y);
          if (image.pixels[3 * at] > 190) REQUIRE(mask.classes[at] == 1);
          if (image.pixels[3 * at + 2] == 99) REQUIRE(mask.classes[at] == kIgnored);
        }
      }
      if (hull.empty()) continue;
      REQUIRE(boxes.size() == 1);
      const bool is_whole = hull.x0 > 0 && hull.y0 > 0 && hull.x1 < 56 && hull.y1 < 48;
      if (!is_whole) continue;
      CHECK(std::abs(boxes[0].x0 - static_cast<float>(hull.x0)) <= 1.5f);
      CHECK(std::abs(boxes[0].y0 - static_cast<float>(hull.y0)) <= 1.5f);
      CHECK(std::abs(boxes[0].x1 - static_cast<float>(hull.x1)) <= 1.5f);
      CHECK(std::abs(boxes[0].y1 - static_cast<float>(hull.y1)) <= 1.5f);
    }
  }
}

TEST_CASE("placement: boxes are moved exactly, cut, and left out without area") {
  Placement p = Placement::scaling({0, 0, 10, 20}, {30, 20});  // y three times, x once
  p.canvas = {15, 10};
  p.top = -6;
  const std::vector<Box> boxes = {{1, 2, 4, 5, 3, false, 9},
                                  {8, 1, 14, 4, 1, false, 18},
                                  {10, 0, 20, 10, 0, false, 100},
                                  {2, 7, 5, 9, 0, false, 6},
                                  {3, 3, 3, 9, 0, false, 0}};
  const std::vector<Box> placed = place(boxes, p);
  REQUIRE(placed.size() == 2);
  CHECK(placed[0] == Box{1, 0, 4, 9, 3, false, 27});
  CHECK(placed[1] == Box{8, 0, 10, 6, 1, false, 12});
  // The second has its middle at x 11, beyond the canvas; of a crowd it stays.
  CHECK(place(boxes, p, CutBoxes::kCentred).size() == 1);
  std::vector<Box> crowd = boxes;
  crowd[1].crowd = true;
  CHECK(place(crowd, p, CutBoxes::kCentred).size() == 2);
  p.flip = true;
  CHECK(place(boxes, p)[0] == Box{6, 0, 9, 9, 3, false, 27});
  CHECK(place(boxes, p)[1] == Box{0, 0, 2, 6, 1, false, 12});
}

TEST_CASE("placement: an image of its own size is left as it is") {
  const Sample sample = rectangle(9, 7, {2, 3, 4, 3});
  const Placement p = Placement::identity({9, 7});
  CHECK(place(sample.image, p, Interpolation::kBicubic).pixels == sample.image.pixels);
  CHECK(place(sample.target.mask, p) == sample.target.mask);
  CHECK(place(sample.target.boxes, p) == sample.target.boxes);
}

TEST_CASE("placement: sizes within the model's keep the aspect, whichever side is longer") {
  const auto size = [](const ImageShape& image, double factor) {
    const ImageSize scaled = within(image, {360, 480, 3}, factor).scaled;
    return std::array<std::int64_t, 2>{scaled.height, scaled.width};
  };
  CHECK(size({360, 480, 3}, 1.0) == std::array<std::int64_t, 2>{360, 480});
  CHECK(size({480, 360, 3}, 1.0) == std::array<std::int64_t, 2>{480, 360});
  CHECK(size({720, 960, 3}, 0.5) == std::array<std::int64_t, 2>{180, 240});
  CHECK(size({100, 1000, 3}, 1.0) == std::array<std::int64_t, 2>{48, 480});
  CHECK(size({1, 16384, 3}, 1.0) == std::array<std::int64_t, 2>{1, 480});
}

TEST_CASE("placement: crops of masks are drawn again until classes are mixed") {
  // A tenth of the picture, in a corner, is of class 1.
  const Sample sample = rectangle(60, 60, {0, 0, 19, 19});
  AugmentConfig augment;
  augment.crop = {20, 20};
  const auto mixed = [&](double share) {
    augment.class_share = share;
    int count = 0;
    for (std::uint64_t i = 0; i < 300; ++i) {
      Rng rng = placement_draws(i);
      Target target;
      target.mask = sample.target.mask;
      const Placement p =
          draw_dense_placement(sample.image.shape, target, {60, 60, 3}, augment, rng);
      REQUIRE(p.canvas.height == 20);
      const Mask crop = place(target.mask, p);
      const auto ones = std::count(crop.classes.begin(), crop.classes.end(), 1);
      count += ones > 100 && ones < 300 ? 1 : 0;
    }
    return count;
  };
  const int once = mixed(1.0), again = mixed(0.75);
  CHECK(once > 5);
  CHECK(once < 90);
  CHECK(again > 3 * once);
}

TEST_CASE("placement: dense crops keep the middle of a box, zoom-out keeps the size") {
  const Sample sample = rectangle(60, 80, {40, 60, 10, 10});
  AugmentConfig augment;
  augment.scale = {0.4, 2.0};
  augment.crop = {32, 40};
  augment.flip = true;
  int with_box = 0, smaller = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    Rng rng = placement_draws(i);
    Target target;
    target.boxes = sample.target.boxes;
    const Placement p = draw_dense_placement(sample.image.shape, target, {60, 80, 3}, augment, rng);
    REQUIRE(p.canvas.height <= 32);
    REQUIRE(p.canvas.width <= 40);
    smaller += p.canvas.height < 32 ? 1 : 0;
    with_box += place(target.boxes, p, CutBoxes::kCentred).empty() ? 0 : 1;
  }
  CHECK(smaller > 0);  // 60 * 0.4 < 32
  CHECK(with_box > 200);
  augment = {};
  augment.zoom_out = 4.0;
  int zoomed = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    Rng rng = placement_draws(i);
    const Placement p =
        draw_dense_placement(sample.image.shape, sample.target, {60, 80, 3}, augment, rng);
    REQUIRE(p.canvas.height == 60);
    REQUIRE(p.canvas.width == 80);
    const std::vector<Box> boxes = place(sample.target.boxes, p);
    REQUIRE(boxes.size() == 1);
    REQUIRE(boxes[0].width() >= 2.4f);
    zoomed += p.scaled.height < 60 ? 1 : 0;
  }
  CHECK(zoomed > 100);
  CHECK(zoomed < 200);
}

}  // namespace
}  // namespace tessera
