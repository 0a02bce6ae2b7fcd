#include "train/config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace tessera {
namespace {

constexpr std::size_t kMaxStages = 8;
constexpr std::size_t kMostNumbers = 1000;

/// Adds `path: expected WHAT, got ...`; always false.
bool expected(std::string_view path, std::string_view what, const YamlNode& node,
              Problems& problems) {
  problems.add(node.mark, fmt::format("{}: expected {}, got {}", path, what, describe(node)));
  return false;
}

/// Reads one number. `type` is what the message asks for when it is none.
template <typename T>
bool read_number(std::string_view path, std::string_view type, const Range& range,
                 const YamlNode& node, T& value, Problems& problems) {
  if (!node.is_scalar() || node.quoted) return expected(path, type, node, problems);
  const char* begin = node.text.data();
  const char* end = begin + node.text.size();
  if (node.text.size() > 1 && *begin == '+' && begin[1] != '-') ++begin;
  using Parsed = std::conditional_t<std::is_integral_v<T>, std::int64_t, T>;
  Parsed parsed{};
  const auto [stop, error] = std::from_chars(begin, end, parsed);
  const bool too_large = error == std::errc::result_out_of_range;
  if (stop != end || (error != std::errc{} && !too_large)) {
    return expected(path, type, node, problems);
  }
  if (!too_large && range.contains(static_cast<double>(parsed)) &&
      std::isfinite(static_cast<double>(parsed))) {
    value = static_cast<T>(parsed);
    return true;
  }
  const bool finite = std::isfinite(static_cast<double>(parsed)) && !too_large;
  const std::string_view kind = std::is_integral_v<T> ? "an integer"
                                : finite              ? "a number"
                                                      : "a finite number";
  const std::string bounds = to_string(range);
  problems.add(node.mark, fmt::format("{}: expected {}{}{}, got {}", path, kind,
                                      bounds.empty() ? "" : " ", bounds, node.text));
  return false;
}

/// The shortest text that reads back as the same number, with a point so that it is no integer.
template <typename T>
std::string write_number(T value) {
  std::string text = fmt::format("{}", value);
  if constexpr (std::is_floating_point_v<T>) {
    if (text.find('.') == std::string::npos)
      text.insert(std::min(text.find('e'), text.size()), ".0");
  }
  return text;
}

template <typename List>
std::string write_list(const List& values) {
  std::vector<std::string> words;
  for (const auto value : values) words.push_back(write_number(value));
  return fmt::format("[{}]", fmt::join(words, ", "));
}

/// Reads a list of `least` to `most` numbers. All bad entries are reported.
template <typename T>
bool read_list(std::string_view path, std::string_view type, const Range& range, std::size_t least,
               std::size_t most, const YamlNode& node, std::vector<T>& values, Problems& problems) {
  if (!node.is_list()) return expected(path, type, node, problems);
  if (node.items.size() < least || node.items.size() > most) {
    problems.add(node.mark,
                 fmt::format("{}: expected {}, got a list of {}", path, type, node.items.size()));
    return false;
  }
  const std::string_view kind = std::is_integral_v<T> ? "an integer" : "a number";
  std::vector<T> read(node.items.size());
  bool good = true;
  for (std::size_t i = 0; i < read.size(); ++i) {
    const std::string entry = fmt::format("{}[{}]", path, i);
    good = read_number(entry, kind, range, node.items[i], read[i], problems) && good;
  }
  if (good) values = std::move(read);
  return good;
}

/// What readers of YAML 1.1 take for true, false, nothing or a number.
bool is_word_of_yaml_1_1(const std::string& text) {
  constexpr std::array<std::string_view, 9> kWords = {"y",   "n",    "yes",   "no",  "on",
                                                      "off", "true", "false", "null"};
  std::string lower = text;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) return true;
  const bool is_number = text.size() > 1 && text[0] == '.' && text[1] >= '0' && text[1] <= '9';
  return is_number || lower == ".inf" || lower == ".nan";
}

/// Text that can stand without quotes and is read back as text, not as `auto` or nothing.
bool is_plain_text(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/._";
  constexpr std::string_view kLater = "0123456789-";
  if (text.empty() || text == "auto") return false;
  if (is_word_of_yaml_1_1(text)) return false;
  return kPlain.find(text.front()) != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return kPlain.find(c) != std::string_view::npos ||
                  kLater.find(c) != std::string_view::npos;
         });
}

std::string write_text(const std::string& text) {
  if (is_plain_text(text)) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace

std::string to_string(const Range& range) {
  if (std::isinf(range.low) && std::isinf(range.high)) return "";
  if (std::isinf(range.high)) return fmt::format("{} {}", range.with_low ? ">=" : ">", range.low);
  return fmt::format("in {}{}, {}{}", range.with_low ? '[' : '(', range.low, range.high,
                     range.with_high ? ']' : ')');
}

template <typename T>
Key integer_key(std::string path, T& value, const Range& range, std::string help,
                std::optional<std::type_identity_t<T>> automatic, std::string word) {
  const std::string type = automatic ? "an integer or " + word : "an integer";
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (automatic && node.is_plain(word)) {
      value = *automatic;
      return true;
    }
    return read_number(path, type, range, node, value, problems);
  };
  auto write = [=, &value] {
    const bool is_auto =
        automatic && value == *automatic && !range.contains(static_cast<double>(value));
    return is_auto ? word : write_number(value);
  };
  return {path, type, to_string(range), std::move(help), std::move(read), std::move(write)};
}

template Key integer_key(std::string, std::int64_t&, const Range&, std::string,
                         std::optional<std::int64_t>, std::string);
template Key integer_key(std::string, std::int32_t&, const Range&, std::string,
                         std::optional<std::int32_t>, std::string);
template Key integer_key(std::string, std::uint32_t&, const Range&, std::string,
                         std::optional<std::uint32_t>, std::string);

Key number_key(std::string path, double& value, const Range& range, std::string help,
               std::optional<double> automatic) {
  const std::string type = automatic ? "a number or auto" : "a number";
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (automatic && node.is_plain("auto")) {
      value = *automatic;
      return true;
    }
    return read_number(path, type, range, node, value, problems);
  };
  auto write = [=, &value] {
    return automatic && value == *automatic ? std::string("auto") : write_number(value);
  };
  return {path, type, to_string(range), std::move(help), std::move(read), std::move(write)};
}

Key text_key(std::string path, std::string& value, std::string help, std::string empty) {
  const std::string type = empty.empty() ? "a text" : fmt::format("a text or {}", empty);
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (!node.is_scalar() || node.text.empty()) return expected(path, type, node, problems);
    value = !empty.empty() && node.is_plain(empty) ? "" : node.text;
    return true;
  };
  auto write = [=, &value] {
    if (!value.empty()) return value == empty ? fmt::format("\"{}\"", value) : write_text(value);
    return empty;
  };
  return {path, type, "", std::move(help), std::move(read), std::move(write)};
}

Key texts_key(std::string path, std::vector<std::string>& value, std::string help, bool or_auto) {
  const std::string type = or_auto ? "a list of texts or auto" : "a list of texts";
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (or_auto && node.is_plain("auto")) {
      value.clear();
      return true;
    }
    if (!node.is_list()) return expected(path, type, node, problems);
    std::vector<std::string> texts;
    for (const YamlNode& item : node.items) {
      const std::string entry = fmt::format("{}[{}]", path, texts.size());
      if (!item.is_scalar() || item.text.empty()) return expected(entry, "a text", item, problems);
      texts.push_back(item.text);
    }
    value = std::move(texts);
    return true;
  };
  auto write = [=, &value] {
    if (or_auto && value.empty()) return std::string("auto");
    std::vector<std::string> words;
    for (const std::string& text : value) words.push_back(write_text(text));
    return fmt::format("[{}]", fmt::join(words, ", "));
  };
  return {path, type, "", std::move(help), std::move(read), std::move(write)};
}

Key size_key(std::string path, Size2& value, const Range& range, std::string help, bool or_auto) {
  const std::string type =
      or_auto ? "an integer, [height, width] or auto" : "an integer or [height, width]";
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (or_auto && node.is_plain("auto")) {
      value = {};
      return true;
    }
    if (node.is_list()) {
      std::vector<std::int64_t> sides;
      if (!read_list(path, type, range, 2, 2, node, sides, problems)) return false;
      value = {sides[0], sides[1]};
      return true;
    }
    std::int64_t side = 0;
    if (!read_number(path, type, range, node, side, problems)) return false;
    value = {side, side};
    return true;
  };
  auto write = [=, &value] { return or_auto && value == Size2{} ? "auto" : write_list(value); };
  return {path, type, to_string(range), std::move(help), std::move(read), std::move(write)};
}

Key stages_key(std::string path, std::vector<std::int64_t>& value, const Range& range,
               std::string help, bool or_auto) {
  const std::string type =
      fmt::format("a list of 1 to {} integers{}", kMaxStages, or_auto ? " or auto" : "");
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (or_auto && node.is_plain("auto")) {
      value.clear();
      return true;
    }
    return read_list(path, type, range, 1, kMaxStages, node, value, problems);
  };
  auto write = [=, &value] { return or_auto && value.empty() ? "auto" : write_list(value); };
  return {path, type, to_string(range), std::move(help), std::move(read), std::move(write)};
}

Key integers_key(std::string path, std::vector<std::int64_t>& value, const Range& range,
                 std::string help, bool or_auto) {
  const std::string type =
      fmt::format("a list of 1 to {} integers{}", kMostNumbers, or_auto ? " or auto" : "");
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (or_auto && node.is_plain("auto")) {
      value.clear();
      return true;
    }
    return read_list(path, type, range, 1, kMostNumbers, node, value, problems);
  };
  auto write = [=, &value] { return or_auto && value.empty() ? "auto" : write_list(value); };
  return {path, type, to_string(range), std::move(help), std::move(read), std::move(write)};
}

template <typename T>
Key numbers_key(std::string path, std::vector<T>& value, const Range& range, std::string help,
                bool or_auto) {
  const std::string type = or_auto ? "a list of numbers or auto" : "a list of numbers";
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (or_auto && node.is_plain("auto")) {
      value.clear();
      return true;
    }
    return read_list(path, type, range, or_auto ? 1 : 0, kMostNumbers, node, value, problems);
  };
  auto write = [=, &value] { return or_auto && value.empty() ? "auto" : write_list(value); };
  return {path, type, to_string(range), std::move(help), std::move(read), std::move(write)};
}

template Key numbers_key(std::string, std::vector<float>&, const Range&, std::string, bool);
template Key numbers_key(std::string, std::vector<double>&, const Range&, std::string, bool);

Key scale_key(std::string path, std::vector<double>& value, const Range& range, std::string help) {
  const std::string type = fmt::format("a number or a list of 1 to {} numbers", kMaxStages);
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (node.is_list()) return read_list(path, type, range, 1, kMaxStages, node, value, problems);
    double number = 0.0;
    if (!read_number(path, type, range, node, number, problems)) return false;
    value = {number};
    return true;
  };
  auto write = [&value] { return value.size() == 1 ? write_number(value[0]) : write_list(value); };
  return {path, type, to_string(range), std::move(help), std::move(read), std::move(write)};
}

Key pair_key(std::string path, std::array<double, 2>& value, const Range& range, std::string help) {
  const std::string type = "a list of two numbers";
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    std::vector<double> numbers;
    if (!read_list(path, type, range, 2, 2, node, numbers, problems)) return false;
    value = {numbers[0], numbers[1]};
    return true;
  };
  auto write = [&value] { return write_list(value); };
  return {path, type, to_string(range), std::move(help), std::move(read), std::move(write)};
}

}  // namespace tessera
