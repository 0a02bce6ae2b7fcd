#include "report/probes/attention_picture.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/images/canvas.h"

namespace tessera {
namespace {

constexpr Color kPaper{255, 255, 255};
constexpr Color kInk{40, 40, 48};
constexpr Color kFaint{120, 120, 130};
constexpr Color kFrame{90, 230, 255};

constexpr std::int64_t kPanel = 192;  // longer side of a picture
constexpr std::int64_t kNarrowest = 150;
constexpr std::int64_t kColumns = 6;
constexpr std::int64_t kMargin = 24;
constexpr std::int64_t kGap = 20;
constexpr std::int64_t kLine = 26;  // from one line of text to the next
constexpr const char* kScaleEnd = "the number above a picture";
// Of the colour of nothing and of the largest value; the rest is the photo.
constexpr float kColdShare = 0.6f, kHotShare = 0.95f;

/// The index of the token over each of `pixels` pixels of a photo; -1: none.
std::vector<std::int64_t> tokens_over(const AttentionMap& map, std::size_t axis,
                                      std::int64_t pixels, std::int64_t image) {
  const std::int64_t tokens = map.heads.dim(axis == 0 ? 1 : 2);
  const std::int64_t seen = map.seen[axis] > 0 ? map.seen[axis] : tokens * map.cell[axis];
  std::vector<std::int64_t> token;
  for (std::int64_t i = 0; i < pixels; ++i) {
    const std::int64_t pixel = (2 * i + 1) * image / (2 * pixels);
    const std::int64_t at = (pixel - map.first[axis]) / map.cell[axis];
    token.push_back(pixel < seen ? std::clamp<std::int64_t>(at, 0, tokens - 1) : -1);
  }
  return token;
}

/// First and one past the last of the pixels over `token`.
std::array<std::int64_t, 2> range_of(const std::vector<std::int64_t>& tokens, std::int64_t token) {
  const auto first = std::find(tokens.begin(), tokens.end(), token);
  const auto last = std::find_if(first, tokens.end(), [&](std::int64_t t) { return t != token; });
  return {first - tokens.begin(), last - tokens.begin()};
}

Color grey_of(const std::uint8_t* pixel) {
  const float luma = 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
  const auto grey = static_cast<std::uint8_t>(std::lround(luma));
  return {grey, grey, grey};
}

Color mix(Color a, Color b, float share) {
  for (std::size_t c = 0; c < a.size(); ++c) {
    a[c] = static_cast<std::uint8_t>(std::lround((1.0f - share) * a[c] + share * b[c]));
  }
  return a;
}

float largest_of(const Tensor& values) {
  return *std::max_element(values.span().begin(), values.span().end());
}

/// Two digits that mean something.
std::string short_number(float value) {
  if (value >= 9.95f) return fmt::format("{:.0f}", value);
  return value >= 0.995f ? fmt::format("{:.1f}", value) : fmt::format("{:.2g}", value);
}

struct Panel {
  std::string name;
  std::string largest;
  Image image;
};

struct Row {
  std::string title;
  std::vector<Panel> panels;
};

std::vector<Row> rows_of(const Image& photo, std::span<const AttentionMap> maps,
                         const AttentionPictureOptions& options) {
  std::vector<Row> rows;
  std::optional<std::int64_t> stage;
  for (const AttentionMap& map : maps) {
    const std::int64_t heads = map.heads.dim(0), height = map.heads.dim(1),
                       width = map.heads.dim(2);
    const auto add = [&](const std::string& name, const Tensor& values) {
      rows.back().panels.push_back({name, short_number(largest_of(values)),
                                    overlay_attention(photo, map, values, options.image_size)});
    };
    if (options.heads) {
      rows.push_back(
          {fmt::format("stage {} block {}   {} x {} tokens", map.stage, map.block, height, width),
           {}});
      for (std::int64_t head = 0; head < heads; ++head) {
        add(fmt::format("head {}", head), map.heads.slice(head * height * width, {height, width}));
      }
    } else {
      if (stage != map.stage) {
        rows.push_back({fmt::format("stage {}   {} x {} tokens", map.stage, height, width), {}});
      }
      stage = map.stage;
      add(fmt::format("block {}", map.block), map.mean());
    }
  }
  return rows;
}

/// The photo, the lines and the scale of colours.
void draw_header(Canvas& canvas, const Image& photo, const std::vector<std::string>& lines) {
  canvas.draw(kMargin, kMargin, photo);
  const std::int64_t x = kMargin + photo.shape.width + kMargin;
  std::int64_t y = kMargin;
  for (const std::string& line : lines) {
    canvas.text(y, x, line, kInk);
    y += kLine;
  }
  y += kGap / 2;
  canvas.text(y, x, "0", kFaint);
  const std::int64_t bar = x + kGap + Canvas::text_width("0");
  for (std::int64_t i = 0; i < kPanel; ++i) {
    canvas.fill(y, bar + i, Canvas::kTextHeight, 1,
                heat_color(static_cast<float>(i) / static_cast<float>(kPanel - 1)));
  }
  canvas.text(y, bar + kPanel + kGap, kScaleEnd, kFaint);
}

Size2 header_size(const Image& photo, const std::vector<std::string>& lines) {
  const auto count = static_cast<std::int64_t>(lines.size());
  std::int64_t width = Canvas::text_width("0") + kPanel + 2 * kGap + Canvas::text_width(kScaleEnd);
  for (const std::string& line : lines) width = std::max(width, Canvas::text_width(line));
  return {std::max(photo.shape.height, count * kLine + kGap / 2 + Canvas::kTextHeight),
          photo.shape.width + kMargin + width};
}

/// A narrow picture leaves room for the text above it.
std::int64_t panel_width(const Image& photo) { return std::max(photo.shape.width, kNarrowest); }

void draw_panel(Canvas& canvas, std::int64_t y, std::int64_t x, const Panel& panel) {
  const std::int64_t right = x + panel_width(panel.image);
  canvas.text(y, x, panel.name, kFaint);
  canvas.text(y, right - Canvas::text_width(panel.largest), panel.largest, kInk);
  canvas.draw(y + kLine, x, panel.image);
}

/// Lines of panels that a row takes.
std::int64_t lines_of(const Row& row) {
  return (static_cast<std::int64_t>(row.panels.size()) + kColumns - 1) / kColumns;
}

}  // namespace

Image overlay_attention(const Image& photo, const AttentionMap& map, const Tensor& values,
                        Size2 image_size) {
  const std::int64_t height = photo.shape.height, width = photo.shape.width;
  const auto rows = tokens_over(map, 0, height, image_size[0]);
  const auto columns = tokens_over(map, 1, width, image_size[1]);
  const float top = largest_of(values);
  Canvas canvas(height, width, kPaper);
  const std::uint8_t* pixel = photo.pixels.data();
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t row = rows[static_cast<std::size_t>(y)];
    for (std::int64_t x = 0; x < width; ++x, pixel += 3) {
      const std::int64_t column = columns[static_cast<std::size_t>(x)];
      Color color = grey_of(pixel);
      if (row >= 0 && column >= 0) {
        const float value = values.f32()[row * values.dim(1) + column];
        const float share = top > 0.0f ? value / top : 0.0f;
        color = mix(color, heat_color(share), kColdShare + share * (kHotShare - kColdShare));
      }
      canvas.fill(y, x, 1, 1, color);
    }
  }
  if (map.query) {
    const auto [top_edge, bottom] = range_of(rows, (*map.query)[0]);
    const auto [left, right] = range_of(columns, (*map.query)[1]);
    canvas.outline(top_edge - 1, left - 1, bottom - top_edge + 2, right - left + 2, 2, kFrame);
  }
  return canvas.image();
}

Image attention_picture(const Image& photo, std::span<const AttentionMap> maps,
                        const AttentionPictureOptions& options) {
  const Image small = panel_of(photo, kPanel);
  const std::vector<Row> rows = rows_of(small, maps, options);
  const std::int64_t step_x = panel_width(small) + kGap;
  const std::int64_t step_y = kLine + small.shape.height + kGap;
  const Size2 header = header_size(small, options.lines);
  std::int64_t height = 2 * kMargin + header[0], width = header[1];
  for (const Row& row : rows) {
    const auto panels = static_cast<std::int64_t>(row.panels.size());
    width = std::max(
        {width, std::min(kColumns, panels) * step_x - kGap, Canvas::text_width(row.title)});
    height += kMargin + kLine + lines_of(row) * step_y - kGap;
  }
  Canvas canvas(height, width + 2 * kMargin, kPaper);
  draw_header(canvas, small, options.lines);
  std::int64_t y = 2 * kMargin + header[0];
  for (const Row& row : rows) {
    canvas.text(y, kMargin, row.title, kInk);
    y += kLine;
    for (std::size_t i = 0; i < row.panels.size(); ++i) {
      const std::int64_t line = static_cast<std::int64_t>(i) / kColumns;
      const std::int64_t x = kMargin + static_cast<std::int64_t>(i) % kColumns * step_x;
      draw_panel(canvas, y + line * step_y, x, row.panels[i]);
    }
    y += lines_of(row) * step_y - kGap + kMargin;
  }
  return canvas.image();
}

}  // namespace tessera
