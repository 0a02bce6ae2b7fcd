#include "files/braces.h"

#include <optional>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

/// The number between braces, `000..146`, or nothing.
std::optional<std::vector<std::string>> numbers_of(std::string_view inside) {
  const std::size_t dots = inside.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const std::string first(inside.substr(0, dots)), last(inside.substr(dots + 2));
  constexpr std::string_view kDigits = "0123456789";
  for (const std::string& text : {first, last}) {
    if (text.empty() || text.size() > 9 || text.find_first_not_of(kDigits) != std::string::npos) {
      return std::nullopt;
    }
  }
  const long begin = std::stol(first), end = std::stol(last);
  constexpr long kMost = 1'000'000;
  if (end < begin || end - begin >= kMost) {
    fail<DataError>("[data.root] {{{}..{}}}: the second number must be larger, by less than {}",
                    first, last, kMost);
  }
  std::vector<std::string> numbers;
  for (long i = begin; i <= end; ++i) {
    numbers.push_back(fmt::format("{:0{}}", i, first.starts_with('0') ? first.size() : 1));
  }
  return numbers;
}

/// What stands between commas that are in no further braces.
std::vector<std::string> alternatives_of(std::string_view inside) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : inside) {
    if (c == ',' && depth == 0) {
      parts.emplace_back();
      continue;
    }
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    parts.back() += c;
  }
  return parts;
}

}  // namespace

std::vector<std::string> expand_braces(const std::string& pattern) {
  const std::size_t open = pattern.find('{');
  if (open == std::string::npos) return {pattern};
  std::size_t close = open;
  for (int depth = 0; close < pattern.size(); ++close) {
    depth += pattern[close] == '{' ? 1 : pattern[close] == '}' ? -1 : 0;
    if (depth == 0) break;
  }
  if (close == pattern.size())
    fail<DataError>("[data.root] {}: a brace is not closed", shown(pattern));
  const std::string_view inside = std::string_view(pattern).substr(open + 1, close - open - 1);
  const std::optional<std::vector<std::string>> numbers = numbers_of(inside);
  std::vector<std::string> expanded;
  for (const std::string& part : numbers ? *numbers : alternatives_of(inside)) {
    for (std::string& whole :
         expand_braces(pattern.substr(0, open) + part + pattern.substr(close + 1))) {
      expanded.push_back(std::move(whole));
    }
  }
  return expanded;
}

}  // namespace tessera
