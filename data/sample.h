// What a data set says of an image: its class, a class for each pixel, or boxes around things.
#pragma once

#include <cstdint>
#include <vector>

#include "data/images/image.h"

namespace tessera {

/// A rectangle around a thing, in pixels from the upper left corner of the image: pixel (0, 0)
/// fills x 0 to 1, so x1 and y1 lie behind the last pixel.
struct Box {
  float x0 = 0.0f;
  float y0 = 0.0f;
  float x1 = 0.0f;
  float y1 = 0.0f;
  std::int32_t label = 0;
  bool crowd = false;  ///< many things at once, or too hard to tell: neither taught nor scored
  float area = 0.0f;   ///< pixels of the thing itself where the data set says so, else of the box

  float width() const { return x1 - x0; }
  float height() const { return y1 - y0; }
  friend bool operator==(const Box&, const Box&) = default;
};

/// The class of a pixel that is neither taught nor scored.
inline constexpr std::uint8_t kIgnored = 255;

/// A class for each pixel.
struct Mask {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> classes;  ///< [height, width]; kIgnored or below the number of classes

  friend bool operator==(const Mask&, const Mask&) = default;
};

/// Of the kind that its data set has; the rest is empty.
struct Target {
  std::int32_t label = 0;
  Mask mask;
  std::vector<Box> boxes;
};

struct Sample {
  Image image;
  Target target;
};

}  // namespace tessera
