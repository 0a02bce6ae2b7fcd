// Fixtures in JSON.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/paths.h"

namespace tessera::test {

inline nlohmann::json json_fixture(const std::string& name) {
  std::ifstream stream(fixture(name));
  REQUIRE_MESSAGE(stream.good(), name, " cannot be read");
  return nlohmann::json::parse(stream);
}

}  // namespace tessera::test
