#include "data/near_duplicates.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <string_view>
#include <unordered_map>

namespace tessera {
namespace {

constexpr int kSide = 9;        // means of the parts whose differences are slopes
constexpr int kMostSlopes = 7;  // below the 8 words of which two near images share one
constexpr int kMostGrey = 6 * 64;
constexpr int kLeastContrast = 24;
constexpr std::size_t kMostNames = 5000;  // every name is compared with every other

/// Mean grey of a part of `image`, 0..255.
int mean_grey(const ImageView& image, std::int64_t top, std::int64_t bottom, std::int64_t left,
              std::int64_t right) {
  const std::int64_t channels = image.shape.channels;
  std::int64_t sum = 0;
  for (std::int64_t y = top; y < bottom; ++y) {
    const auto begin = static_cast<std::size_t>((y * image.shape.width + left) * channels);
    const auto count = static_cast<std::size_t>((right - left) * channels);
    for (const std::uint8_t value : image.pixels.subspan(begin, count)) sum += value;
  }
  return static_cast<int>(sum / ((bottom - top) * (right - left) * channels));
}

int difference(const Glance& a, const Glance& b) {
  const int slopes =
      std::popcount(a.slopes[0] ^ b.slopes[0]) + std::popcount(a.slopes[1] ^ b.slopes[1]);
  if (slopes > kMostSlopes) return -1;
  int grey = 0;
  for (std::size_t i = 0; i < a.grey.size(); ++i) {
    grey += std::abs(int{a.grey[i]} - int{b.grey[i]});
  }
  return grey > kMostGrey ? -1 : 64 * slopes + grey;
}

std::uint64_t word_of(const Glance& glance, std::size_t word) {
  return word << 16 | (glance.slopes[word / 4] >> (16 * (word % 4)) & 0xffffu);
}

/// Of two glances that differ in at most 7 bits, one of the 8 words of 16 bits is the same.
template <typename IsCandidate>
std::vector<std::array<std::int64_t, 2>> pairs_of(std::span<const Glance> a,
                                                  std::span<const Glance> b,
                                                  const IsCandidate& is_candidate) {
  constexpr std::size_t kWords = 8, kMostAlike = 4096;  // more share a word where nothing is said
  std::unordered_map<std::uint64_t, std::vector<std::int64_t>> by_word;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (b[i].is_plain) continue;
    for (std::size_t w = 0; w < kWords; ++w) {
      by_word[word_of(b[i], w)].push_back(static_cast<std::int64_t>(i));
    }
  }
  std::vector<std::array<std::int64_t, 2>> pairs;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].is_plain) continue;
    std::int64_t nearest = -1;
    int least = 0;
    for (std::size_t w = 0; w < kWords; ++w) {
      const auto found = by_word.find(word_of(a[i], w));
      if (found == by_word.end() || found->second.size() > kMostAlike) continue;
      for (const std::int64_t other : found->second) {
        if (!is_candidate(static_cast<std::int64_t>(i), other)) continue;
        const int apart = difference(a[i], b[static_cast<std::size_t>(other)]);
        if (apart < 0 || (nearest >= 0 && apart >= least)) continue;
        nearest = other;
        least = apart;
      }
    }
    if (nearest >= 0) pairs.push_back({static_cast<std::int64_t>(i), nearest});
  }
  return pairs;
}

/// In lower case and without what joins words; between digits a sign means something.
std::string plain_name(std::string_view name) {
  const bool has_digit = std::ranges::any_of(name, [](char c) { return c >= '0' && c <= '9'; });
  std::string plain;
  for (const char c : name) {
    if (c == ' ' || c == '_' || (!has_digit && (c == '-' || c == '.'))) continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

bool is_plural(std::string_view one, std::string_view many) {
  if (!many.starts_with(one)) {
    return one.ends_with('y') && many == std::string(one.substr(0, one.size() - 1)) + "ies";
  }
  const std::string_view ending = many.substr(one.size());
  return ending == "s" || ending == "es";
}

/// One letter too many, or two next to each other swapped. One letter for another makes other words
/// (house, mouse), and digits are meant.
bool is_slip(std::string_view a, std::string_view b) {
  constexpr std::size_t kLeast = 6;
  if (a.size() > b.size()) std::swap(a, b);
  if (a.size() < kLeast || b.size() - a.size() > 1) return false;
  const auto at =
      static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin());
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (a.size() < b.size()) return !is_digit(b[at]) && a.substr(at) == b.substr(at + 1);
  return at + 1 < a.size() && a[at] == b[at + 1] && a[at + 1] == b[at] && !is_digit(a[at]) &&
         !is_digit(b[at]) && a.substr(at + 2) == b.substr(at + 2);
}

}  // namespace

Glance glance_at(const ImageView& image) {
  const auto [height, width, channels] = image.shape;
  Glance glance;
  if (height < kSide || width < kSide) return glance;
  std::array<std::array<int, kSide>, kSide> means{};
  int low = 255, high = 0;
  for (std::int64_t y = 0; y < kSide; ++y) {
    for (std::int64_t x = 0; x < kSide; ++x) {
      const int mean = mean_grey(image, y * height / kSide, (y + 1) * height / kSide,
                                 x * width / kSide, (x + 1) * width / kSide);
      means[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] = mean;
      low = std::min(low, mean);
      high = std::max(high, mean);
    }
  }
  for (std::size_t y = 0; y + 1 < kSide; ++y) {
    for (std::size_t x = 0; x + 1 < kSide; ++x) {
      const std::size_t bit = 8 * y + x;
      const int own = means[y][x];
      glance.grey[bit] = static_cast<std::uint8_t>(own);
      if (means[y][x + 1] > own) glance.slopes[0] |= std::uint64_t{1} << bit;
      if (means[y + 1][x] > own) glance.slopes[1] |= std::uint64_t{1} << bit;
    }
  }
  const int turns = std::popcount(glance.slopes[0]) + std::popcount(glance.slopes[1]);
  glance.is_plain = high - low < kLeastContrast || turns < kMostSlopes;
  return glance;
}

std::vector<std::array<std::int64_t, 2>> near_duplicates(std::span<const Glance> a,
                                                         std::span<const Glance> b) {
  return pairs_of(a, b, [](std::int64_t, std::int64_t) { return true; });
}

std::vector<std::array<std::int64_t, 2>> near_duplicates(std::span<const Glance> images) {
  return pairs_of(images, images, [](std::int64_t own, std::int64_t other) { return other < own; });
}

std::vector<std::pair<std::size_t, std::size_t>> alike_names(std::span<const std::string> names) {
  std::vector<std::string> plain;
  for (const std::string& name : names) plain.push_back(plain_name(name));
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  if (names.size() > kMostNames) return pairs;
  for (std::size_t j = 1; j < plain.size(); ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      if (plain[i] == plain[j] || is_plural(plain[i], plain[j]) || is_plural(plain[j], plain[i]) ||
          is_slip(plain[i], plain[j])) {
        pairs.emplace_back(i, j);
      }
    }
  }
  return pairs;
}

}  // namespace tessera
