#include "files/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "core/error.h"

namespace tessera {

std::string to_string(const Mark& mark) {
  if (mark.line == 0) return mark.file;
  return fmt::format("{}:{}:{}", mark.file, mark.line, mark.column);
}

void Problems::add(const Mark& mark, std::string message) {
  messages_.emplace_back(mark, std::move(message));
}

void Problems::throw_if_any() const {
  if (messages_.empty()) return;
  auto sorted = messages_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.file, a.first.line, a.first.column) <
           std::tie(b.first.file, b.first.line, b.first.column);
  });
  std::vector<std::string> lines;
  for (const auto& [mark, message] : sorted) {
    lines.push_back(fmt::format("{}: {}", to_string(mark), message));
  }
  throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace tessera
