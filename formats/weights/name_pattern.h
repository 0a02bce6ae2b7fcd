// Patterns of dotted names: `layers.{S+1}.downsample.norm.*`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tessera {

/// The numbers in a name.
struct NameNumbers {
  int stage = 0;   ///< S
  int block = 0;   ///< B; also any other number that a name counts by
  int last = -1;   ///< L: the last stage; -1 fits any
  int choice = 0;  ///< which of the words in `query|key|value`
};

/// What a name has beside the numbers.
struct NameMatch {
  NameNumbers numbers;
  std::string_view end;  ///< what `*` stands for
};

/// Whether all of `name` is as `pattern` says. Its parts between dots are text that may end with a
/// number in braces, `{S}`, `{2S+1}`, `norm{L}`; words of which one is there, `query|key|value`;
/// and at the end perhaps `*`, which is any one part. An empty word is never there, an empty
/// pattern fits nothing.
std::optional<NameMatch> match_name(std::string_view pattern, std::string_view name,
                                    int last_stage = -1);

/// The name that `pattern` makes of a match; empty if the word chosen is.
std::string expand_name(std::string_view pattern, const NameMatch& match);

}  // namespace tessera
