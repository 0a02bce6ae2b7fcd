#include "study/claims.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

using std::chrono::milliseconds;

TEST_CASE("claims: one of several has it, the others when it lets go") {
  const test::ScratchFolder folder;
  Claims one(folder / "claims"), other(folder / "claims");
  std::unique_ptr<Claim> claim = one.take("a");
  REQUIRE(claim != nullptr);
  CHECK(claim->is_ours());
  CHECK(other.take("a") == nullptr);
  CHECK(other.take("b") != nullptr);
  const auto owner = claim_owner(folder / "claims", "a");
  REQUIRE(owner);
  CHECK(owner->process.find(std::to_string(::getpid())) != std::string::npos);
  claim.reset();
  CHECK(!claim_owner(folder / "claims", "a"));
  CHECK(other.take("a") != nullptr);
}

TEST_CASE("claims: that of a killed process is taken over, by one alone") {
  const test::ScratchFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    Claims claims(folder / "claims");
    const auto claim = claims.take("a");
    test::write_text(folder / "taken", claim != nullptr ? "yes" : "no");
    for (;;) ::pause();
  }
  while (test::read_text(folder / "taken").empty()) std::this_thread::sleep_for(milliseconds(5));
  CHECK(test::read_text(folder / "taken") == "yes");
  Claims one(folder / "claims"), other(folder / "claims");
  CHECK(one.take("a") == nullptr);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const auto first = one.take("a"), second = other.take("a");
  CHECK((first != nullptr) != (second != nullptr));
  CHECK((first != nullptr ? first : second)->is_ours());
}

TEST_CASE("claims: silence from afar is waited for by one's own watch") {
  const test::ScratchFolder folder;
  Claims here(folder / "claims", milliseconds(300));
  // Of another machine, with a clock of its own.
  test::write_text(folder / "claims/a.claim",
                   R"({"process": "far 1", "since": "x", "pid": 1, "numbering": "other"})");
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<Claim> claim;
  while ((claim = here.take("a")) == nullptr) {
    REQUIRE(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
    std::this_thread::sleep_for(milliseconds(10));
  }
  CHECK(std::chrono::steady_clock::now() - start >= milliseconds(300));
  CHECK(claim->is_ours());
}

TEST_CASE("claims: an owner that is alive keeps what it has, however long") {
  const test::ScratchFolder folder;
  Claims owner(folder / "claims", milliseconds(200)), waiting(folder / "claims", milliseconds(200));
  const auto claim = owner.take("a");
  for (int i = 0; i < 60; ++i) {
    CHECK(waiting.take("a") == nullptr);
    std::this_thread::sleep_for(milliseconds(10));
  }
  CHECK(claim->is_ours());
}

TEST_CASE("claims: a failure is told to those who have joined before it") {
  const test::ScratchFolder folder;
  const Claims early(folder / "claims");
  CHECK(!early.failure("a"));
  early.fail("a", "no memory");
  CHECK(early.failure("a") == "no memory");
  const Claims late(folder / "claims");  // tries again
  CHECK(!late.failure("a"));
  early.fail("a", "no memory");
  CHECK(late.failure("a") == "no memory");
}

}  // namespace
}  // namespace tessera
