#include "data/augment/placement.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <utility>

#include "data/images/image.h"

namespace tessera {
namespace {

bool is_whole(const CropBox& box, std::int64_t height, std::int64_t width) {
  return box.top == 0 && box.left == 0 && box.height == height && box.width == width;
}

bool fills_canvas(const Placement& p) {
  return p.top == 0 && p.left == 0 && p.canvas.height == p.cut.height &&
         p.canvas.width == p.cut.width;
}

/// The part of the cut that the canvas shows, in coordinates of the canvas.
CropBox shown_part(const Placement& p) {
  CropBox shown;
  shown.top = std::clamp<std::int64_t>(p.top, 0, p.canvas.height);
  shown.left = std::clamp<std::int64_t>(p.left, 0, p.canvas.width);
  shown.height = std::clamp<std::int64_t>(p.top + p.cut.height, 0, p.canvas.height) - shown.top;
  shown.width = std::clamp<std::int64_t>(p.left + p.cut.width, 0, p.canvas.width) - shown.left;
  return shown;
}

Image on_canvas(const ImageView& cut, const Placement& p, std::span<const std::uint8_t> fill) {
  const std::int64_t channels = cut.shape.channels;
  Image canvas{{p.canvas.height, p.canvas.width, channels}, {}};
  canvas.pixels.resize(static_cast<std::size_t>(canvas.shape.numel()));
  if (!fill.empty()) {
    for (std::size_t i = 0; i < canvas.pixels.size(); ++i) canvas.pixels[i] = fill[i % fill.size()];
  }
  const CropBox shown = shown_part(p);
  for (std::int64_t y = shown.top; y < shown.top + shown.height; ++y) {
    const std::int64_t from = ((y - p.top) * cut.shape.width + shown.left - p.left) * channels;
    std::copy_n(cut.pixels.data() + from, shown.width * channels,
                canvas.pixels.data() + (y * p.canvas.width + shown.left) * channels);
  }
  return canvas;
}

/// For each of `count` places from `first` of an axis scaled from `in` to `out`, the nearest of the
/// axis before, whose centre is at halves.
std::vector<std::int64_t> nearest(std::int64_t in, std::int64_t out, std::int64_t first,
                                  std::int64_t count) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    places[static_cast<std::size_t>(i)] = (2 * (first + i) + 1) * in / (2 * out);
  }
  return places;
}

Box limited(Box box, const ImageSize& canvas) {
  const auto width = static_cast<float>(canvas.width);
  const auto height = static_cast<float>(canvas.height);
  box.x0 = std::clamp(box.x0, 0.0f, width);
  box.x1 = std::clamp(box.x1, 0.0f, width);
  box.y0 = std::clamp(box.y0, 0.0f, height);
  box.y1 = std::clamp(box.y1, 0.0f, height);
  return box;
}

/// What shows at (X, Y) = map (x, y) came from (x, y): the hull of where the corners went.
Box turned(const Box& box, const Affine& map) {
  const auto [a, b, c, d, e, f] = map;
  const double determinant = a * e - b * d;
  Box hull = box;
  bool first = true;
  for (const float x : {box.x0, box.x1}) {
    for (const float y : {box.y0, box.y1}) {
      const double dx = double{x} - c, dy = double{y} - f;
      const auto to_x = static_cast<float>((e * dx - b * dy) / determinant);
      const auto to_y = static_cast<float>((a * dy - d * dx) / determinant);
      hull.x0 = first ? to_x : std::min(hull.x0, to_x);
      hull.x1 = first ? to_x : std::max(hull.x1, to_x);
      hull.y0 = first ? to_y : std::min(hull.y0, to_y);
      hull.y1 = first ? to_y : std::max(hull.y1, to_y);
      first = false;
    }
  }
  return hull;
}

bool is_kept(const Box& before, const Box& cut, CutBoxes rule) {
  if (!(cut.width() > 0.0f && cut.height() > 0.0f)) return false;
  if (rule == CutBoxes::kVisible || before.crowd) return true;
  const float x = 0.5f * (before.x0 + before.x1), y = 0.5f * (before.y0 + before.y1);
  return x >= cut.x0 && x < cut.x1 && y >= cut.y0 && y < cut.y1;
}

/// Cut to `region` if that leaves anything of it.
std::optional<Box> cut_to(const Box& box, const ImageSize& region, CutBoxes rule) {
  Box cut = limited(box, region);
  if (!is_kept(box, cut, rule)) return std::nullopt;
  cut.area *= cut.width() * cut.height() / (box.width() * box.height());
  return cut;
}

}  // namespace

Placement Placement::identity(const ImageSize& image) {
  return scaling({0, 0, image.height, image.width}, image);
}

Placement Placement::scaling(const CropBox& part, const ImageSize& size) {
  Placement placement;
  placement.part = part;
  placement.scaled = size;
  placement.cut = {0, 0, size.height, size.width};
  placement.canvas = size;
  return placement;
}

Image place(const ImageView& image, const Placement& p, Interpolation interpolation,
            std::span<const std::uint8_t> fill) {
  Image own;
  ImageView view = image;
  const auto take = [&](Image next) {
    own = std::move(next);
    view = own;
  };
  if (!is_whole(p.part, image.shape.height, image.shape.width)) take(crop(view, p.part));
  if (p.scaled.height != p.part.height || p.scaled.width != p.part.width) {
    take(resize(view, p.scaled.height, p.scaled.width, interpolation));
  }
  if (!is_whole(p.cut, p.scaled.height, p.scaled.width)) take(crop(view, p.cut));
  if (!fills_canvas(p)) take(on_canvas(view, p, fill));
  if (own.pixels.empty()) own = {view.shape, {view.pixels.begin(), view.pixels.end()}};
  if (p.flip) flip(own);
  if (p.affine) own = warp(own, *p.affine, fill);
  return own;
}

Mask place(const Mask& mask, const Placement& p) {
  const CropBox shown = shown_part(p);
  const std::vector<std::int64_t> rows =
      nearest(p.part.height, p.scaled.height, p.cut.top + shown.top - p.top, shown.height);
  const std::vector<std::int64_t> columns =
      nearest(p.part.width, p.scaled.width, p.cut.left + shown.left - p.left, shown.width);
  Mask placed{p.canvas.height, p.canvas.width, {}};
  placed.classes.assign(static_cast<std::size_t>(placed.height * placed.width), kIgnored);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    const std::uint8_t* from =
        mask.classes.data() + (p.part.top + rows[y]) * mask.width + p.part.left;
    std::uint8_t* to = placed.classes.data() +
                       (shown.top + static_cast<std::int64_t>(y)) * placed.width + shown.left;
    for (const std::int64_t column : columns) *to++ = from[column];
  }
  if (p.flip) {
    for (std::int64_t y = 0; y < placed.height; ++y) {
      std::uint8_t* row = placed.classes.data() + y * placed.width;
      std::reverse(row, row + placed.width);
    }
  }
  return p.affine ? warp(placed, *p.affine) : placed;
}

std::vector<Box> place(std::span<const Box> boxes, const Placement& p, CutBoxes rule) {
  const float sx = static_cast<float>(p.scaled.width) / static_cast<float>(p.part.width);
  const float sy = static_cast<float>(p.scaled.height) / static_cast<float>(p.part.height);
  const ImageSize cut{p.cut.height, p.cut.width};
  std::vector<Box> placed;
  for (Box box : boxes) {
    const auto to_x = [&](float x) {
      return (x - static_cast<float>(p.part.left)) * sx - static_cast<float>(p.cut.left);
    };
    const auto to_y = [&](float y) {
      return (y - static_cast<float>(p.part.top)) * sy - static_cast<float>(p.cut.top);
    };
    box.x0 = to_x(box.x0), box.x1 = to_x(box.x1);
    box.y0 = to_y(box.y0), box.y1 = to_y(box.y1);
    box.area *= sx * sy;
    std::optional<Box> kept = cut_to(box, cut, rule);
    if (!kept) continue;
    kept->x0 += static_cast<float>(p.left), kept->x1 += static_cast<float>(p.left);
    kept->y0 += static_cast<float>(p.top), kept->y1 += static_cast<float>(p.top);
    kept = cut_to(*kept, p.canvas, rule);
    if (!kept) continue;
    if (p.flip) {
      const auto width = static_cast<float>(p.canvas.width);
      kept->x0 = width - std::exchange(kept->x1, width - kept->x0);
    }
    if (p.affine) {
      Box hull = turned(*kept, *p.affine);
      const double determinant = (*p.affine)[0] * (*p.affine)[4] - (*p.affine)[1] * (*p.affine)[3];
      hull.area = static_cast<float>(double{hull.area} / determinant);
      kept = cut_to(hull, p.canvas, rule);
    }
    if (kept) placed.push_back(*kept);
  }
  return placed;
}

}  // namespace tessera
