#include "data/sets/table_file.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace tessera {
namespace {

class Parser {
 public:
  Parser(std::string_view text, std::string_view name) : text_(text), name_(name) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
    const std::string_view first = text_.substr(0, text_.find('\n'));
    separator_ = first.find('\t') != std::string_view::npos ? '\t' : ',';
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
  [[noreturn]] void damaged(std::size_t line, std::string_view what) const {
    fail<DataError>("[table] {}:{}: {}", name_, line, what);
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool at_line_end() const {
    return at_ == text_.size() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n") ||
           (text_[at_] == '\r' && at_ + 1 == text_.size());
  }

  void end_line() {
    if (!at_line_end()) damaged(line_, "text after a closing quote");
    take('\r');
    take('\n');
    ++line_;
  }

  std::string cell() { return separator_ == ',' && take('"') ? quoted() : plain(); }

  std::string plain() {
    std::string cell;
    for (; !at_line_end() && text_[at_] != separator_; ++at_) {
      if (text_[at_] == '\0') damaged(line_, "a byte is zero: this is no text");
      if (text_[at_] == '"' && separator_ == ',') {
        damaged(line_, "a quote within a cell; quote the whole cell and double the quotes in it");
      }
      cell += text_[at_];
    }
    return cell;
  }

  std::string quoted() {
    const std::size_t begin = line_;
    std::string cell;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\0') damaged(line_, "a byte is zero: this is no text");
      if (c == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') return cell;
      }
      if (c == '\n') ++line_;
      cell += c;
    }
    damaged(begin, "a quote is not closed");
  }

  std::string_view text_;
  std::string_view name_;
  char separator_ = ',';
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

std::vector<TableRow> parse_table(std::span<const std::uint8_t> bytes, std::string_view name) {
  return Parser({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name).parse();
}

}  // namespace tessera
