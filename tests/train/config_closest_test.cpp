#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "train/config/closest.h"

using tessera::closest;
using tessera::edit_distance;

TEST_CASE("edit distance counts insertions, deletions, substitutions and swaps") {
  struct Case {
    const char* a;
    const char* b;
    int distance;
  };
  const Case cases[] = {
      {"", "", 0},
      {"", "abc", 3},
      {"abc", "", 3},
      {"abc", "abc", 0},
      {"abc", "abd", 1},
      {"abc", "abcd", 1},
      {"abcd", "acd", 1},
      {"abcd", "acbd", 1},
      {"ab", "ba", 1},
      {"ca", "abc", 3},  // 2 if a swapped pair could be edited again
      {"kitten", "sitting", 3},
      {"path_size", "patch_size", 1},
      {"trian", "train", 1},
  };
  for (const Case& c : cases) {
    CAPTURE(c.a);
    CAPTURE(c.b);
    CHECK(edit_distance(c.a, c.b) == c.distance);
    CHECK(edit_distance(c.b, c.a) == c.distance);
  }
}

TEST_CASE("the closest name is near, whatever its case, and none is better than a far one") {
  const std::vector<std::string> names{"patch_size", "patch_embed", "num_heads", "lr", "x"};
  CHECK(closest("path_size", names) == "patch_size");
  CHECK(closest("Patch-Size", names) == "patch_size");
  CHECK(closest("heads", names) == "num_heads");
  CHECK(closest("l", names) == std::nullopt);
  CHECK(closest("y", names) == std::nullopt);
  CHECK(closest("rl", names) == "lr");
  CHECK(closest("window", names) == std::nullopt);
  CHECK(closest("patch_size", std::vector<std::string>{}) == std::nullopt);
}
