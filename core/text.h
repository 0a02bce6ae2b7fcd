// Text from outside: names of files hold any bytes; messages show them as one line, and what is
// stored (configurations, JSON, safetensors) is UTF-8 and nothing else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tessera {

/// Bytes of the character that begins at `at`; 0 if there is none that may be shown: no UTF-8
/// (RFC 3629), or one that steers a terminal or the direction of a line.
std::size_t printable_length(std::string_view text, std::size_t at);

/// Whether all of `text` may be shown as it is.
bool is_printable(std::string_view text);

/// `text` between quotes, on one line, of at most some 300 characters: what may not be shown is
/// written as `\n`, `\t` or `\x1b`, and the middle of a longer one is left out:
/// `"aaa...zzz" (70000 bytes)`. An object and no function, so that the arguments of a call do not
/// bring std::quoted in.
struct Quoted {
  std::string operator()(std::string_view text) const;
};
inline constexpr Quoted quoted;

/// As `quoted`, without the quotes, for the path that a message begins with.
std::string shown(std::string_view path);

/// All of `text`, lines and tabs as they are, with the rest of what may not be shown written out:
/// the last step of whatever is said to people.
std::string printable(std::string_view text);

/// Well-formed UTF-8 (RFC 3629): no stray bytes, no long forms, no surrogates.
bool is_utf8(std::string_view text);

/// `text` with every byte that is no part of a character as `\xe9`; UTF-8 stays what it is.
std::string to_utf8(std::string_view text);

}  // namespace tessera
