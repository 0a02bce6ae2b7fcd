#include "report/named_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "data/preview.h"

namespace tessera::tensorboard {
namespace {

/// A cell of a table in Markdown.
std::string cell_text(const std::string& text) {
  std::string cell;
  for (const char c : shown(text)) {
    if (std::string_view("|\\`*_{}[]<>#~").find(c) != std::string_view::npos) cell += '\\';
    cell += c;
  }
  return cell;
}

std::string row_text(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) row += fmt::format(" {} |", cell_text(cell));
  return row + '\n';
}

}  // namespace

std::string table_text(const std::vector<std::string>& headings,
                       const std::vector<std::vector<std::string>>& rows) {
  std::string text = row_text(headings) + '|';
  for (std::size_t i = 0; i < headings.size(); ++i) text += "---|";
  text += '\n';
  for (const std::vector<std::string>& row : rows) text += row_text(row);
  return text;
}

std::string place_text(std::size_t i, std::size_t columns) {
  return fmt::format("{}, {}", i / columns + 1, i % columns + 1);
}

std::string target_text(const Batch& batch, std::int64_t i, const Dataset& images) {
  const auto at = static_cast<std::size_t>(i);
  if (!batch.boxes.empty()) return fmt::format("{} boxes", batch.boxes[at].size());
  if (!batch.labels) return "";
  const auto name = [&](const Tensor& labels) {
    return images.class_names()[static_cast<std::size_t>(labels.span<std::int32_t>()[at])];
  };
  if (!batch.other_labels || batch.own_share == 1.0f) return name(batch.labels);
  const double share = 100.0 * double{batch.own_share};
  return fmt::format("{:.0f} % {}, {:.0f} % {}", share, name(batch.labels), 100.0 - share,
                     name(batch.other_labels));
}

void WorstAnswers::add(const Tensor& logits, const Batch& batch,
                       const Normalization& normalization) {
  const auto classes = static_cast<std::size_t>(logits.dim(1));
  const auto more_certain = [](const Answer& a, const Answer& b) {
    return a.prediction.confidence > b.prediction.confidence;
  };
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    Answer answer{batch.samples[i],
                  batch.labels.span<std::int32_t>()[i],
                  prediction_of(logits.span().subspan(i * classes, classes)),
                  {1, 1}};
    const bool is_known = answer.label >= 0 && answer.label < logits.dim(1);
    if (!is_known || answer.prediction.predicted == answer.label) continue;
    const auto place = std::upper_bound(worst_.begin(), worst_.end(), answer, more_certain);
    if (place == worst_.end() && worst_.size() == kMost) continue;
    const Image image = pixels_of(batch, static_cast<std::int64_t>(i), normalization);
    answer.picture = report::picture_of(image.pixels, image.shape);
    worst_.insert(place, std::move(answer));
    if (worst_.size() > kMost) worst_.pop_back();
  }
}

report::Picture WorstAnswers::picture() const {
  constexpr std::int64_t kWidth = 640;
  std::vector<report::Picture> tiles;
  for (const Answer& answer : worst_) tiles.push_back(answer.picture);
  return report::mosaic(tiles, kColumns, kWidth);
}

std::string WorstAnswers::table(const Dataset& images) const {
  const auto name = [&](std::int64_t k) {
    return images.class_names()[static_cast<std::size_t>(k)];
  };
  std::vector<std::vector<std::string>> rows;
  for (const Answer& answer : worst_) {
    rows.push_back({place_text(rows.size(), kColumns), images.sample_name(answer.sample),
                    name(answer.label), name(answer.prediction.predicted),
                    fmt::format("{:.2f} %", 100.0 * answer.prediction.confidence)});
  }
  return table_text({"row, column", "image", "labelled", "answer", "probability"}, rows);
}

}  // namespace tessera::tensorboard
