#include "tasks/detection/pictures.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "data/images/canvas.h"
#include "data/target_picture.h"
#include "tasks/detection/box_matches.h"

namespace tessera {
namespace {

constexpr Color kRight{60, 200, 90}, kInvented{235, 60, 60}, kMissed{250, 210, 40},
    kHidden{150, 150, 150}, kBlack{0, 0, 0};

std::string name_of(std::int32_t label, const std::vector<std::string>& names) {
  const auto at = static_cast<std::size_t>(label);
  return at < names.size() ? names[at] : std::to_string(label);
}

/// An outline with a line of text above it, or inside where there is no room; on a ground of its
/// own, so that it can be read over anything.
void draw(Canvas& canvas, float x0, float y0, float x1, float y1, Color color, bool thin,
          const std::string& text) {
  const auto x = static_cast<std::int64_t>(x0), y = static_cast<std::int64_t>(y0);
  const auto width = std::max<std::int64_t>(1, std::lround(x1) - x);
  const auto height = std::max<std::int64_t>(1, std::lround(y1) - y);
  canvas.outline(y, x, height, width, thin || std::min(height, width) < 4 ? 1 : 2, color);
  if (text.empty()) return;
  const std::int64_t top = y >= Canvas::kTextHeight ? y - Canvas::kTextHeight : y;
  canvas.fill(top, x, Canvas::kTextHeight, Canvas::text_width(text) + 6, color);
  canvas.text(top + 3, x + 3, text, kBlack);
}

Canvas canvas_of(const Image& image) {
  Canvas canvas(image.shape.height, image.shape.width, kBlack);
  canvas.draw(0, 0, image);
  return canvas;
}

}  // namespace

Image with_detections(const Image& image, std::span<const Detection> detections,
                      const std::vector<std::string>& names) {
  Canvas canvas = canvas_of(image);
  for (std::size_t i = detections.size(); i-- > 0;) {  // the surest on top
    const Detection& d = detections[i];
    draw(canvas, d.x0, d.y0, d.x1, d.y1, class_color(d.label), false,
         fmt::format("{} {:.2f}", name_of(d.label, names), d.score));
  }
  return canvas.image();
}

Image with_verdicts(const Image& image, std::span<const Box> truths,
                    std::span<const Detection> detections, const std::vector<std::string>& names) {
  Canvas canvas = canvas_of(image);
  const BoxAssignment assignment = assign_boxes(truths, detections);
  std::vector<bool> found(truths.size());
  for (std::size_t i = 0; i < detections.size(); ++i) {
    const Detection& d = detections[i];
    const bool right = assignment.of_class[i] >= 0;
    if (right) found[static_cast<std::size_t>(assignment.of_class[i])] = true;
    draw(canvas, d.x0, d.y0, d.x1, d.y1,
         assignment.ignored[i] ? kHidden
         : right               ? kRight
                               : kInvented,
         right || assignment.ignored[i],
         right || assignment.ignored[i]
             ? std::string()
             : fmt::format("{} {:.2f}", name_of(d.label, names), d.score));
  }
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const Box& truth = truths[i];
    if (found[i]) continue;
    draw(canvas, truth.x0, truth.y0, truth.x1, truth.y1, truth.crowd ? kHidden : kMissed,
         truth.crowd, truth.crowd ? std::string() : name_of(truth.label, names));
  }
  return canvas.image();
}

}  // namespace tessera
