#include "data/sets/skip_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// A line that begins with a quote, which may be no path that skip_line wrote.
std::string unquoted(std::string_view line, std::string_view name, std::size_t number) {
  const auto refuse = [&](std::size_t at, std::string_view what) {
    fail<DataError>("[data] {}:{}:{}: {}", name, number, at + 1, what);
  };
  std::string path;
  std::size_t at = 1;
  for (; at < line.size() && line[at] != '"'; ++at) {
    if (line[at] != '\\') {
      path += line[at];
      continue;
    }
    const char c = ++at < line.size() ? line[at] : '\0';
    if (c == 'x') {
      const int high = at + 1 < line.size() ? hex_digit(line[at + 1]) : -1;
      const int low = at + 2 < line.size() ? hex_digit(line[at + 2]) : -1;
      if (high < 0 || low < 0) refuse(at - 1, "\\x wants two digits 0-9 a-f");
      path += static_cast<char>(high * 16 + low);
      at += 2;
    } else if (c == '"' || c == '\\') {
      path += c;
    } else if (c == 'n') {
      path += '\n';
    } else {
      refuse(at - 1, R"(after \ only n, x, " and \ are known)");
    }
  }
  if (at + 1 != line.size()) {
    refuse(std::min(at + 1, line.size()),
           "a path in quotes ends with its quote, at the line's end");
  }
  return path;
}

}  // namespace

std::string skip_line(std::string_view path) {
  const bool is_plain = !path.empty() && is_printable(path) && path.front() != '#' &&
                        path.front() != '"' && !is_blank(path.front()) && !is_blank(path.back());
  if (is_plain) return std::string(path);
  std::string line = "\"";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line + '"';
}

std::vector<std::string> parse_skip_list(std::span<const std::uint8_t> bytes,
                                         std::string_view name) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string> paths;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (const std::size_t zero = line.find('\0'); zero != std::string_view::npos) {
      fail<DataError>("[data] {}:{}:{}: a byte is zero: this is no text", name, number, zero + 1);
    }
    while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (line.empty() || line.front() == '#') continue;
    paths.push_back(line.front() == '"' ? unquoted(line, name, number) : std::string(line));
  }
  return paths;
}

}  // namespace tessera
