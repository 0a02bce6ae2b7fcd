#include "core/parallel.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/threads.h"

namespace tessera {
namespace {

using test::Threads;

TEST_CASE("every item is visited once, whatever threads and grain") {
  for (const int threads : {1, 2, 3, 7}) {
    const Threads scope(threads);
    for (const std::int64_t count : {0, 1, 2, 5, 64, 1001}) {
      for (const std::int64_t grain : {1, 3, 100, 5000}) {
        std::vector<int> visits(static_cast<std::size_t>(count));
        parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        for (const int visited : visits) REQUIRE(visited == 1);
      }
    }
  }
}

TEST_CASE("parts are numbered in order and at least a grain long") {
  const Threads scope(4);
  for (const std::int64_t count : {1, 10, 99, 100, 1000}) {
    constexpr std::int64_t kGrain = 25;
    const int parts = num_parts(count, kGrain);
    CHECK(parts <= 4);
    std::vector<std::int64_t> begins(static_cast<std::size_t>(parts), -1), ends(begins);
    parallel_parts(count, kGrain, [&](int part, std::int64_t begin, std::int64_t end) {
      begins[static_cast<std::size_t>(part)] = begin;
      ends[static_cast<std::size_t>(part)] = end;
    });
    CHECK(begins.front() == 0);
    CHECK(ends.back() == count);
    for (std::size_t part = 0; part < begins.size(); ++part) {
      if (part > 0) CHECK(begins[part] == ends[part - 1]);
      CHECK(ends[part] - begins[part] >= std::min(count, kGrain));
    }
  }
  CHECK(num_parts(0, 10) == 0);
}

TEST_CASE("a loop inside a loop runs on its own thread") {
  const Threads scope(2);
  std::vector<int> inner_parts(2, 0);
  parallel_parts(2, 1, [&](int part, std::int64_t, std::int64_t) {
    inner_parts[static_cast<std::size_t>(part)] = num_parts(1000, 1);
  });
  CHECK(inner_parts == std::vector<int>{1, 1});
}

}  // namespace
}  // namespace tessera
