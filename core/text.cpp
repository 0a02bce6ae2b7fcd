#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace tessera {
namespace {

// Longer than any name in a folder of Linux, which has up to 255 bytes.
constexpr std::size_t kMost = 300;
constexpr std::size_t kHead = 200;
constexpr std::size_t kTail = 80;

bool is_inside_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Steers a terminal (C0, C1) or how a line is laid out (line separators, marks of direction).
bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void escape(std::string_view text, bool in_quotes, std::string& out) {
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::size_t length = printable_length(text, at);
    if (in_quotes && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (length > 0) {
      out += text.substr(at, length);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    at += length > 0 ? length : 1;
  }
}

std::string shortened(std::string_view text, bool in_quotes) {
  const std::string_view mark = in_quotes ? "\"" : "";
  std::string out(mark);
  if (text.size() <= kMost) {
    escape(text, in_quotes, out);
    return out += mark;
  }
  std::size_t head = kHead, tail = text.size() - kTail;
  for (int i = 0; i < 3 && is_inside_character(text[head]); ++i) --head;
  for (int i = 0; i < 3 && is_inside_character(text[tail]); ++i) ++tail;
  escape(text.substr(0, head), in_quotes, out);
  out += "...";
  escape(text.substr(tail), in_quotes, out);
  return fmt::format("{}{} ({} bytes)", out, mark, text.size());
}

}  // namespace

std::size_t printable_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<std::uint8_t>(text[at + i]) : std::uint8_t{0};
  };
  const std::uint8_t first = byte(0);
  if (at >= text.size()) return 0;
  if (first < 0x80) return is_control(first) ? 0 : 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  std::uint32_t code = first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return overlong || surrogate || code > 0x10ffff || is_control(code) ? 0 : length;
}

bool is_printable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = printable_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string Quoted::operator()(std::string_view text) const { return shortened(text, true); }

std::string shown(std::string_view path) { return shortened(path, false); }

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    escape(text.substr(0, end), false, out);
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

namespace {

/// Bytes of the character that `text` begins with; 0 if it begins with none.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size == 0 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
  }
  const unsigned second = byte(1);
  const bool long_form = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_character = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return long_form || no_character ? 0 : size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
      continue;
    }
    result += text.substr(0, size);
    text.remove_prefix(size);
  }
  return result;
}

}  // namespace tessera
