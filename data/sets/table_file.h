// Rows of text files: CSV (RFC 4180) and values between tabs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct TableRow {
  std::size_t line = 0;  ///< of the file, from 1, where the row starts
  std::vector<std::string> cells;
};

/// All rows that are not empty. If the first line holds a tab, tabs separate and nothing is quoted;
/// else commas or, where it holds more of them, semicolons, and a cell in double quotes may hold
/// them, line ends and doubled quotes. Blanks around a cell are dropped, but not within quotes.
/// Lines end as on any system. `name` is for messages. Throws DataError that names line and column
/// where quotes do not fit or a byte is zero, and tells UTF-16 and workbooks from text.
std::vector<TableRow> parse_table(std::span<const std::uint8_t> bytes, std::string_view name);

/// A cell of a CSV line: in quotes where it must be (RFC 4180).
std::string csv_field(std::string_view text);

}  // namespace tessera
