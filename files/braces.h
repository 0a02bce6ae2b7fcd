// One pattern for many file names.
#pragma once

#include <string>
#include <vector>

namespace tessera {

/// All that a pattern means, in order: `{000..146}` numbers, with as many digits as are written,
/// `{a,b}` one or the other, also one within the other. Throws DataError for braces that do not
/// close, or more than a million.
std::vector<std::string> expand_braces(const std::string& pattern);

}  // namespace tessera
