#include "study/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace tessera {
namespace {

/// Characters of UTF-8 text.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  }));
}

}  // namespace

void TextTable::add_column(std::string title, Align align) {
  titles_.push_back(std::move(title));
  aligns_.push_back(align);
}

std::string TextTable::plain() const {
  constexpr std::size_t kGap = 2;
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < titles_.size(); ++c) {
    widths.push_back(width_of(titles_[c]));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& words) {
    std::string line;
    for (std::size_t c = 0; c < words.size(); ++c) {
      const std::string blanks(widths[c] - width_of(words[c]), ' ');
      line += c == 0 ? "" : std::string(kGap, ' ');
      line += aligns_[c] == Align::kLeft ? words[c] + blanks : blanks + words[c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  add_line(titles_);
  for (const auto& row : rows_) add_line(row);
  return text;
}

std::string TextTable::markdown() const {
  std::string text = fmt::format("| {} |\n|", fmt::join(titles_, " | "));
  for (const Align align : aligns_) text += align == Align::kLeft ? "---|" : "---:|";
  text += '\n';
  for (const auto& row : rows_) text += fmt::format("| {} |\n", fmt::join(row, " | "));
  return text;
}

}  // namespace tessera
