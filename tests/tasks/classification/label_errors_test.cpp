#include "tasks/classification/label_errors.h"

#include <doctest/doctest.h>

namespace tessera {
namespace {

TEST_CASE("confident learning: thresholds are those of the class, not one half") {
  // Mean probability of class 0 over its samples: 0.575; of class 1: (0.45 + 0.55) / 2 = 0.5.
  const std::vector<float> p = {0.9f,  0.1f,   // right
                                0.8f,  0.2f,   // right
                                0.1f,  0.9f,   // labelled 0, surely 1
                                0.5f,  0.5f,   // labelled 0: reaches the threshold of 1 alone
                                0.55f, 0.45f,  // labelled 1, leans to 0, but not enough for it
                                0.45f, 0.55f};
  const std::vector<std::int64_t> labels = {0, 0, 0, 0, 1, 1};
  const std::vector<LabelError> errors = find_label_errors(p, labels, 2);
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].sample == 2);
  CHECK(errors[0].suggested == 1);
  CHECK(errors[0].margin == doctest::Approx(-0.8));
  CHECK(errors[1].sample == 3);
  CHECK(errors[1].margin == doctest::Approx(0.0));
}

TEST_CASE("confident learning: a class without samples attracts nothing") {
  const std::vector<float> p = {0.1f, 0.2f, 0.7f, 0.1f, 0.2f, 0.7f};
  const std::vector<std::int64_t> labels = {0, 1};
  for (const LabelError& error : find_label_errors(p, labels, 3)) CHECK(error.suggested != 2);
  CHECK(find_label_errors({}, {}, 3).empty());
}

}  // namespace
}  // namespace tessera
