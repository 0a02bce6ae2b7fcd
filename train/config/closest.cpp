#include "train/config/closest.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace tessera {
namespace {

std::string folded(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the table d[i][j] = distance of the first i of `a` and the first j of `b`.
  std::vector<int> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int substitution = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

std::optional<std::string> closest(std::string_view name, std::span<const std::string> candidates) {
  constexpr std::size_t kShortestPart = 3;
  const std::string wanted = folded(name);
  const std::string* best = nullptr;
  int best_distance = std::max(1, static_cast<int>(wanted.size()) / 3) + 1;
  for (const std::string& candidate : candidates) {
    const int distance = edit_distance(wanted, folded(candidate));
    // One letter replaced by another is no likeness.
    if (distance < best_distance && distance < static_cast<int>(wanted.size())) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr && wanted.size() >= kShortestPart) {
    for (const std::string& candidate : candidates) {
      const bool contains = folded(candidate).find(wanted) != std::string::npos;
      if (contains && (best == nullptr || candidate.size() < best->size())) best = &candidate;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

}  // namespace tessera
