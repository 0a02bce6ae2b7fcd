#include "formats/weights/name_pattern.h"

#include <algorithm>
#include <charconv>

namespace tessera {
namespace {

/// A number written as scale * index + offset.
struct Affine {
  char index = 0;
  int scale = 1;
  int offset = 0;
};

Affine parse_affine(std::string_view text) {
  Affine affine;
  const std::size_t letter = text.find_first_of("SBL");
  affine.index = text[letter];
  std::from_chars(text.data(), text.data() + letter, affine.scale);
  if (letter + 1 < text.size()) {  // after the +
    std::from_chars(text.data() + letter + 2, text.data() + text.size(), affine.offset);
  }
  return affine;
}

int& number_of(char index, NameNumbers& numbers) {
  return index == 'S' ? numbers.stage : index == 'B' ? numbers.block : numbers.last;
}

/// Cuts off and returns what stands before the next dot.
std::string_view take_part(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find('.'));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

/// A number without leading zeros.
std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < 0) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

/// The word of `words` at `choice`.
std::string_view word_at(std::string_view words, int choice) {
  for (; choice > 0; --choice) words.remove_prefix(words.find('|') + 1);
  return words.substr(0, words.find('|'));
}

bool match_words(std::string_view words, std::string_view part, NameNumbers& numbers) {
  const auto count = static_cast<int>(std::count(words.begin(), words.end(), '|')) + 1;
  for (int choice = 0; choice < count; ++choice) {
    const std::string_view word = word_at(words, choice);
    if (word.empty() || word != part) continue;
    numbers.choice = choice;
    return true;
  }
  return false;
}

bool match_part(std::string_view pattern, std::string_view part, NameNumbers& numbers) {
  const std::size_t brace = pattern.find('{');
  if (brace == std::string_view::npos) {
    return pattern == part ||
           (pattern.find('|') != std::string_view::npos && match_words(pattern, part, numbers));
  }
  if (!part.starts_with(pattern.substr(0, brace))) return false;
  const auto value = parse_number(part.substr(brace));
  const Affine affine = parse_affine(pattern.substr(brace + 1, pattern.size() - brace - 2));
  if (!value || *value < affine.offset || (*value - affine.offset) % affine.scale != 0) {
    return false;
  }
  const int index = (*value - affine.offset) / affine.scale;
  int& number = number_of(affine.index, numbers);
  if (affine.index == 'L' && number >= 0) return number == index;
  number = index;
  return true;
}

}  // namespace

std::optional<NameMatch> match_name(std::string_view pattern, std::string_view name,
                                    int last_stage) {
  if (pattern.empty()) return std::nullopt;
  NameMatch match;
  match.numbers.last = last_stage;
  while (!pattern.empty()) {
    if (name.empty()) return std::nullopt;
    const std::string_view want = take_part(pattern);
    const std::string_view part = take_part(name);
    if (want == "*") {
      match.end = part;
    } else if (!match_part(want, part, match.numbers)) {
      return std::nullopt;
    }
  }
  return name.empty() ? std::optional(match) : std::nullopt;
}

std::string expand_name(std::string_view pattern, const NameMatch& match) {
  NameNumbers numbers = match.numbers;
  std::string name;
  while (!pattern.empty()) {
    std::string_view part = take_part(pattern);
    if (!name.empty()) name += '.';
    const std::size_t brace = part.find('{');
    if (brace != std::string_view::npos) {
      const Affine affine = parse_affine(part.substr(brace + 1, part.size() - brace - 2));
      name += part.substr(0, brace);
      name += std::to_string(affine.scale * number_of(affine.index, numbers) + affine.offset);
    } else if (part.find('|') != std::string_view::npos) {
      part = word_at(part, numbers.choice);
      if (part.empty()) return {};
      name += part;
    } else {
      name += part == "*" ? match.end : part;
    }
  }
  return name;
}

}  // namespace tessera
