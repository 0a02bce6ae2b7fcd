#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "tests/support/paths.h"

namespace tessera::test {

// The only file that is compiled differently in every checkout.
std::string fixture(const std::string& name) { return TESSERA_SOURCE "/tests/fixtures/" + name; }
std::string source(const std::string& path) { return TESSERA_SOURCE "/" + path; }
std::string program() { return TESSERA_PROGRAM; }

}  // namespace tessera::test
