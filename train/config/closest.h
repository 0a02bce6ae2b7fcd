// "Did you mean": the known name nearest to a mistyped one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tessera {

/// The fewest insertions, deletions, substitutions and swaps of two neighbours that make `a` into
/// `b`, no part being edited twice (optimal string alignment).
int edit_distance(std::string_view a, std::string_view b);

/// The candidate that `name` was probably meant to be: the nearest within a third of its length,
/// else the shortest that contains it. Case does not count, and `-` is `_`. Nothing if none is
/// near.
std::optional<std::string> closest(std::string_view name, std::span<const std::string> candidates);

}  // namespace tessera
