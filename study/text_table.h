// Rows of words, as a person reads them on a terminal or in a paper.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

class TextTable {
 public:
  enum class Align : std::uint8_t { kLeft, kRight };

  void add_column(std::string title, Align align = Align::kRight);

  /// One word a column.
  void add_row(std::vector<std::string> words) { rows_.push_back(std::move(words)); }

  /// Columns as wide as their longest word.
  std::string plain() const;

  std::string markdown() const;

 private:
  std::vector<std::string> titles_;
  std::vector<Align> aligns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tessera
