// Where tests find what they need.
#pragma once

#include <string>

namespace tessera::test {

/// A file of `tests/fixtures`.
std::string fixture(const std::string& name);

/// A file of the source tree.
std::string source(const std::string& path);

/// The program as it was built.
std::string program();

}  // namespace tessera::test
