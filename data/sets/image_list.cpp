#include "data/sets/image_list.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/images/image_format.h"
#include "data/sets/table_file.h"
#include "files/file_source.h"

namespace tessera {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kNoColumn = ~std::size_t{0};

// As people name them; where a table has several, the first here counts.
constexpr std::array kPathNames = {
    "path"sv,           "filepath"sv,      "file_path"sv,  "image_path"sv, "img_path"sv,
    "imagepath"sv,      "relative_path"sv, "filename"sv,   "file_name"sv,  "file"sv,
    "image"sv,          "img"sv,           "image_name"sv, "img_name"sv,   "image_file"sv,
    "image_filename"sv, "imagename"sv,     "paths"sv,      "filepaths"sv,  "filenames"sv,
    "files"sv,          "images"sv,        "photo"sv,      "picture"sv};
constexpr std::array kLabelNames = {
    "label"sv,    "class"sv,    "class_name"sv,    "classname"sv,  "label_name"sv, "class_label"sv,
    "target"sv,   "category"sv, "category_name"sv, "breed"sv,      "species"sv,    "variety"sv,
    "labels"sv,   "classes"sv,  "targets"sv,       "diagnosis"sv,  "tag"sv,        "y"sv,
    "class_id"sv, "label_id"sv, "category_id"sv,   "class_index"sv};
constexpr std::array kIdNames = {"id"sv, "image_id"sv, "img_id"sv, "image_ids"sv};
constexpr std::array kSplitNames = {"split"sv,  "data_set"sv, "dataset"sv,
                                    "subset"sv, "set"sv,      "partition"sv};

/// A name of a column in small letters, with `_` for blanks and dashes.
std::string word_of(const std::string& cell) {
  std::string word = cell;
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ' || c == '-') c = '_';
  }
  return word;
}

/// The column of the first of `names` that the row has.
template <typename Names>
std::size_t find_column(const TableRow& row, const Names& names) {
  for (const std::string_view name : names) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      if (word_of(row.cells[i]) == name) return i;
    }
  }
  return kNoColumn;
}

struct Columns {
  std::size_t path = 0;
  std::size_t label = 1;
  std::size_t split = kNoColumn;
  bool named = false;
};

bool names_image(const std::string& cell) { return kind_of_name(cell) != NameKind::kOther; }

std::string cells_text(const TableRow& row) {
  constexpr std::size_t kMost = 8;
  std::vector<std::string> cells;
  for (std::size_t i = 0; i < std::min(kMost, row.cells.size()); ++i) {
    cells.push_back(quoted(row.cells[i]));
  }
  if (row.cells.size() > kMost) cells.emplace_back("...");
  return fmt::format("{}", fmt::join(cells, ", "));
}

Columns columns_of(const TableRow& first, std::string_view name) {
  if (std::any_of(first.cells.begin(), first.cells.end(), names_image)) {
    if (names_image(first.cells.front()) || first.cells.size() < 2) return {};
    fail<DataError>(
        "[list] {}:{}: the first column, {}, is no image: without a row that names them the "
        "columns are path and class",
        name, first.line, quoted(first.cells.front()));
  }
  const std::size_t path = find_column(first, kPathNames);
  const std::size_t label = find_column(first, kLabelNames);
  if (path != kNoColumn && label != kNoColumn) {
    return {path, label, find_column(first, kSplitNames), true};
  }
  if (path == kNoColumn && find_column(first, kIdNames) != kNoColumn) {
    fail<DataError>(
        "[list] {}:{}: column {} is no path: name the files with their endings (ID.jpg) in a "
        "column path",
        name, first.line, quoted(first.cells[find_column(first, kIdNames)]));
  }
  if (path == kNoColumn && label == kNoColumn) {
    fail<DataError>(
        "[list] {}:{}: {}: neither the name of an image nor of a column that is known; call the "
        "columns path and label",
        name, first.line, cells_text(first));
  }
  fail<DataError>("[list] {}:{}: none of the columns {} is one of {}: call one {}", name,
                  first.line, cells_text(first), path == kNoColumn ? "paths" : "classes",
                  path == kNoColumn ? "path" : "label");
}

/// A list is one split: other rows would be trained on as well.
void check_split(std::span<const TableRow> rows, std::size_t column, std::string_view name,
                 const std::string& header) {
  std::set<std::string> values;
  for (const TableRow& row : rows) {
    if (column < row.cells.size()) values.insert(row.cells[column]);
    if (values.size() < 2) continue;
    fail<DataError>("[list] {}:{}: column {} holds {} and {}: write a list for each split", name,
                    row.line, quoted(header), quoted(*values.begin()), quoted(*values.rbegin()));
  }
}

}  // namespace

std::vector<ImageFile> parse_image_list(std::span<const std::uint8_t> bytes, std::string_view name,
                                        const std::string& prefix, const std::string& root) {
  std::vector<TableRow> rows = parse_table(bytes, name);
  if (rows.empty()) fail<DataError>("[list] {}: is empty", name);
  const Columns columns = columns_of(rows.front(), name);
  const auto samples = std::span(rows).subspan(columns.named ? 1 : 0);
  if (columns.split != kNoColumn) {
    check_split(samples, columns.split, name, rows.front().cells[columns.split]);
  }
  std::vector<ImageFile> files;
  for (TableRow& row : samples) {
    if (std::max(columns.path, columns.label) >= row.cells.size()) {
      fail<DataError>(
          "[list] {}:{}: {} of the columns path and class, between commas, semicolons or tabs",
          name, row.line, row.cells.size() == 1 ? "only one" : "not both");
    }
    std::string_view path = row.cells[columns.path];
    if (path.empty() || row.cells[columns.label].empty()) {
      fail<DataError>("[list] {}:{}: {} is empty", name, row.line,
                      path.empty() ? "the path" : "the class");
    }
    if (!root.empty() && path.starts_with(root + '/')) path.remove_prefix(root.size() + 1);
    std::optional<std::string> below;
    if (!path.starts_with('/')) below = clean_path(prefix + std::string(path));
    if (!below || below->empty()) {
      fail<DataError>(
          "[list] {}:{}: the path {} leads out of data.root, below which all images lie", name,
          row.line, quoted(row.cells[columns.path]));
    }
    files.push_back({*std::move(below), std::move(row.cells[columns.label])});
  }
  if (files.empty()) fail<DataError>("[list] {}: holds no rows below its header", name);
  return files;
}

}  // namespace tessera
