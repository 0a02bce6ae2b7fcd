// Images that are nearly the same: saved again, scaled, a little brighter.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/images/image.h"

namespace tessera {

/// What an image looks like at a glance.
struct Glance {
  std::array<std::uint64_t, 2> slopes{};  ///< bits: brighter to the right, and below, 8 x 8 each
  std::array<std::uint8_t, 64> grey{};    ///< means of 8 x 8 parts
  bool is_plain = true;                   ///< too little in it to be told apart, or unreadable
};

/// Of an image of any size.
Glance glance_at(const ImageView& image);

/// Pairs (of a, of b) that look nearly the same: at most 7 of the 128 slopes and on average 6
/// levels of grey apart. Each of `a` is in one pair at most, with the nearest of `b`. Plain ones
/// are in none.
std::vector<std::array<std::int64_t, 2>> near_duplicates(std::span<const Glance> a,
                                                         std::span<const Glance> b);

/// The same within one list, the later image first.
std::vector<std::array<std::int64_t, 2>> near_duplicates(std::span<const Glance> images);

/// Names that differ in case, blanks, signs, a plural's ending or one slip of the hand: `tulip` and
/// `tulips`. Pairs of indices, the lower first. Of thousands of names nothing.
std::vector<std::pair<std::size_t, std::size_t>> alike_names(std::span<const std::string> names);

}  // namespace tessera
