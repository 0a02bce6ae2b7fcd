#include "data/sets/table_file.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace tessera {
namespace {

class Parser {
 public:
  Parser(std::string_view text, std::string_view name) : text_(text), name_(name) {
    if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff")) {
      fail<DataError>("[table] {}: is UTF-16; save it as UTF-8", name_);
    }
    if (text_.starts_with("PK\3\4")) {
      fail<DataError>("[table] {}: is a workbook or an archive; save the table as CSV", name_);
    }
    if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;
    const std::string_view first = text_.substr(0, text_.find_first_of("\r\n"));
    const auto commas = std::count(first.begin(), first.end(), ',');
    const auto semicolons = std::count(first.begin(), first.end(), ';');
    separator_ = first.find('\t') != std::string_view::npos ? '\t'
                 : semicolons > commas                      ? ';'
                                                            : ',';
  }

  std::vector<TableRow> parse() {
    std::vector<TableRow> rows;
    while (at_ < text_.size()) {
      TableRow row{line_, {}};
      do {
        row.cells.push_back(cell());
      } while (take(separator_));
      end_line();
      if (row.cells.size() > 1 || !row.cells.front().empty()) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  [[noreturn]] void damaged(std::string_view what) const {
    fail<DataError>("[table] {}:{}:{}: {}", name_, line_, at_ - line_start_ + 1, what);
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool at_line_end() const {
    return at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '\r';
  }

  void end_line() {
    const bool had_return = take('\r');
    if (!take('\n') && !had_return && at_ < text_.size()) damaged("text after a closing quote");
    ++line_;
    line_start_ = at_;
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || (text_[at_] == '\t' && separator_ != '\t'))) {
      ++at_;
    }
  }

  std::string cell() {
    skip_blanks();
    std::string found = separator_ != '\t' && take('"') ? quoted_cell() : plain_cell();
    skip_blanks();
    return found;
  }

  std::string plain_cell() {
    std::string cell;
    for (; !at_line_end() && text_[at_] != separator_; ++at_) {
      if (text_[at_] == '\0') damaged("a byte is zero: this is no text");
      if (text_[at_] == '"' && separator_ != '\t') {
        damaged("a quote within a cell; quote the whole cell and double the quotes in it");
      }
      cell += text_[at_];
    }
    while (cell.ends_with(' ') || cell.ends_with('\t')) cell.pop_back();
    return cell;
  }

  std::string quoted_cell() {
    const std::size_t begin = at_ - 1, first_line = line_, first_start = line_start_;
    std::string cell;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\0') damaged("a byte is zero: this is no text");
      if (c == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') return cell;
      }
      if (c == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      }
      cell += c;
    }
    at_ = begin;
    line_ = first_line;
    line_start_ = first_start;
    damaged("a quote is not closed");
  }

  std::string_view text_;
  std::string_view name_;
  char separator_ = ',';
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
};

}  // namespace

std::vector<TableRow> parse_table(std::span<const std::uint8_t> bytes, std::string_view name) {
  return Parser({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name).parse();
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted_text = "\"";
  for (const char c : text) {
    if (c == '"') quoted_text += c;
    quoted_text += c;
  }
  return quoted_text + '"';
}

}  // namespace tessera
