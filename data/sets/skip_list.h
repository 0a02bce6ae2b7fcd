// The file of paths that are left out: what `data.skip` reads and `data check --write-skip` writes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// The line of a path: itself or, where that could be read as something else (a comment, several
/// lines, blanks at an end), between double quotes with `\n`, `\"`, `\\` and `\x1b` for bytes.
std::string skip_line(std::string_view path);

/// The paths of a file, without empty lines, comments (`# ...`) and blanks at the ends of lines.
/// `name` is for messages. Throws DataError that names line and column where quotes are not closed.
std::vector<std::string> parse_skip_list(std::span<const std::uint8_t> bytes,
                                         std::string_view name);

}  // namespace tessera
