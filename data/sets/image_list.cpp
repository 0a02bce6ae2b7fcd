#include "data/sets/image_list.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "core/error.h"
#include "data/sets/table_file.h"

namespace tessera {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

std::size_t find_column(const TableRow& row, std::initializer_list<std::string_view> names) {
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    std::string word = row.cells[i];
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (std::find(names.begin(), names.end(), word) != names.end()) return i;
  }
  return kNone;
}

struct Columns {
  std::size_t path = 0;
  std::size_t label = 1;
  bool named = false;
};

Columns columns_of(const TableRow& first, std::string_view name) {
  const std::size_t path = find_column(first, {"file", "filename", "path", "image"});
  const std::size_t label = find_column(first, {"label", "class"});
  if (path == kNone && label == kNone) return {};
  if (path == kNone || label == kNone) {
    fail<DataError>("[list] {}:{}: no column is called {}", name, first.line,
                    path == kNone ? "file, filename, path or image" : "label or class");
  }
  return {path, label, true};
}

}  // namespace

std::vector<ImageFile> parse_image_list(std::span<const std::uint8_t> bytes, std::string_view name,
                                        const std::string& prefix) {
  std::vector<TableRow> rows = parse_table(bytes, name);
  if (rows.empty()) fail<DataError>("[list] {}: is empty", name);
  const Columns columns = columns_of(rows.front(), name);
  std::vector<ImageFile> files;
  for (TableRow& row : std::span(rows).subspan(columns.named ? 1 : 0)) {
    if (std::max(columns.path, columns.label) >= row.cells.size()) {
      fail<DataError>("[list] {}:{}: {} of the columns path and class, between commas or tabs",
                      name, row.line, row.cells.size() == 1 ? "only one" : "not both");
    }
    ImageFile file{prefix + row.cells[columns.path], std::move(row.cells[columns.label])};
    if (file.path.size() == prefix.size() || file.label.empty()) {
      fail<DataError>("[list] {}:{}: {} is empty", name, row.line,
                      file.label.empty() ? "the class" : "the path");
    }
    files.push_back(std::move(file));
  }
  if (files.empty()) fail<DataError>("[list] {}: holds no rows below its header", name);
  return files;
}

}  // namespace tessera
