#include "data/preview.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "data/images/canvas.h"
#include "data/target_picture.h"

namespace tessera {
namespace {

constexpr Color kPaper{255, 255, 255};
constexpr Color kInk{40, 40, 48};
constexpr Color kFaint{120, 120, 130};
constexpr std::int64_t kColumns = 8;
constexpr std::int64_t kPanel = 160;  // longer side of an image
constexpr std::int64_t kMargin = 24;
constexpr std::int64_t kGap = 16;
constexpr std::int64_t kLine = 24;  // from one line of text to the next

struct Cell {
  Image image;
  std::vector<std::string> lines;
};

/// As much of a line as is not wider than a cell.
std::string fitting(std::string line, std::int64_t width) {
  while (!line.empty() && Canvas::text_width(line) > width) line.pop_back();
  return line;
}

std::vector<std::string> lines_of(const Batch& batch, std::int64_t i,
                                  const std::vector<std::string>& names) {
  const auto name = [&](const Tensor& labels) {
    return names[static_cast<std::size_t>(labels.data<std::int32_t>()[i])];
  };
  const auto at = static_cast<std::size_t>(i);
  if (!batch.labels) {
    const std::string sample = fmt::format("sample {}", batch.samples[at]);
    if (batch.boxes.empty()) return {sample};
    return {sample, fmt::format("boxes: {}", batch.boxes[at].size())};
  }
  if (!batch.other_labels || batch.own_share == 1.0f) return {name(batch.labels)};
  const double share = 100.0 * double{batch.own_share};
  return {fmt::format("{:.0f}% {}", share, name(batch.labels)),
          fmt::format("{:.0f}% {}", 100.0 - share, name(batch.other_labels))};
}

std::vector<std::vector<Cell>> rows_of(const Dataset& dataset, const LoaderOptions& options,
                                       std::int64_t count) {
  Loader loader(dataset, options);
  std::vector<std::vector<Cell>> rows;
  Batch batch;
  for (std::int64_t epoch = 0; count > 0; ++epoch) {
    loader.start_epoch(epoch);
    while (count > 0 && loader.next(batch)) {
      std::vector<Cell>& row = rows.emplace_back();
      const std::int64_t cells = std::min({count, kColumns, batch.images.dim(0)});
      for (std::int64_t i = 0; i < cells; ++i) {
        Image image = pixels_of(batch, i, options.normalization);
        row.push_back({panel_of(with_target(std::move(image), batch, i), kPanel),
                       lines_of(batch, i, dataset.class_names())});
      }
      count -= cells;
    }
  }
  return rows;
}

}  // namespace

Image with_target(Image image, const Batch& batch, std::int64_t i) {
  if (batch.masks) {
    const std::int64_t height = batch.masks.dim(1), width = batch.masks.dim(2);
    const std::int32_t* from = batch.masks.data<std::int32_t>() + i * height * width;
    Mask mask{height, width, {}};
    for (std::int64_t p = 0; p < height * width; ++p) {
      mask.classes.push_back(static_cast<std::uint8_t>(from[p]));
    }
    return with_mask(std::move(image), mask);
  }
  if (batch.boxes.empty()) return image;
  return with_boxes(image, batch.boxes[static_cast<std::size_t>(i)]);
}

Image pixels_of(const Batch& batch, std::int64_t i, const Normalization& normalization) {
  const std::int64_t height = batch.images.dim(1), width = batch.images.dim(2),
                     channels = batch.images.dim(3);
  Image image{{height, width, 3}, {}};
  const float* in = batch.images.f32() + i * height * width * channels;
  for (std::int64_t p = 0; p < height * width; ++p, in += channels) {
    for (std::int64_t c = 0; c < 3; ++c) {
      const std::int64_t from = channels == 3 ? c : 0;
      const auto at = static_cast<std::size_t>(from);
      const float value = in[from] * normalization.std[at] + normalization.mean[at];
      image.pixels.push_back(
          static_cast<std::uint8_t>(std::lround(255.0f * std::clamp(value, 0.0f, 1.0f))));
    }
  }
  return image;
}

Image preview(const Dataset& dataset, const LoaderOptions& options, std::int64_t count) {
  const std::vector<std::vector<Cell>> rows = rows_of(dataset, options, count);
  ImageShape panel = rows.front().front().image.shape;
  for (const std::vector<Cell>& row : rows) {
    panel.height = std::max(panel.height, row.front().image.shape.height);
    panel.width = std::max(panel.width, row.front().image.shape.width);
  }
  const std::int64_t cell_width = std::max(panel.width, kPanel) + kGap;
  const std::int64_t cell_height = panel.height + kGap + 2 * kLine;
  const std::int64_t columns =
      std::max<std::int64_t>(3, static_cast<std::int64_t>(rows.front().size()));
  const auto height = 2 * kMargin + kLine + static_cast<std::int64_t>(rows.size()) * cell_height;
  Canvas canvas(height, 2 * kMargin + columns * cell_width - kGap, kPaper);
  canvas.text(kMargin, kMargin,
              fmt::format("{}, seed {}: a batch of training a row", dataset.name(), options.seed),
              kInk);
  std::int64_t y = kMargin + kLine + kGap;
  for (const std::vector<Cell>& row : rows) {
    std::int64_t x = kMargin;
    for (const Cell& cell : row) {
      canvas.draw(y, x, cell.image);
      for (std::size_t i = 0; i < cell.lines.size(); ++i) {
        canvas.text(y + panel.height + 6 + static_cast<std::int64_t>(i) * kLine, x,
                    fitting(cell.lines[i], cell_width - kGap), i == 0 ? kInk : kFaint);
      }
      x += cell_width;
    }
    y += cell_height;
  }
  return canvas.image();
}

}  // namespace tessera
