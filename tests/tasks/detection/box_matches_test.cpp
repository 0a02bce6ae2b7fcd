#include "tasks/detection/box_matches.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"

namespace tessera {
namespace {

Box truth(float x, std::int32_t label, bool crowd = false) {
  return {.x0 = x, .y0 = 0.0f, .x1 = x + 10.0f, .y1 = 10.0f, .label = label, .crowd = crowd};
}

Detection found(float x, std::int32_t label, float score) {
  return {x, 0.0f, x + 10.0f, 10.0f, label, score};
}

TEST_CASE("curves, points and confusions of a few boxes") {
  BoxMatches matches(2);
  // Class 0: one right, one twice, one missed; class 1: one taken for class 0; one invented.
  const std::vector<Box> truths{truth(0, 0), truth(100, 0), truth(200, 1), truth(400, 1, true)};
  matches.add(truths, std::vector<Detection>{found(1, 0, 0.9f), found(0, 0, 0.8f),
                                             found(201, 0, 0.7f), found(300, 1, 0.6f),
                                             found(401, 1, 0.5f), found(202, 1, 0.4f)});
  matches.add(std::vector<Box>{}, std::vector<Detection>{found(0, 1, 0.95f)});

  const auto curve = matches.curve(0);
  REQUIRE(curve.size() == 3);
  CHECK(curve[0].precision() == 1.0);
  CHECK(curve[0].recall() == 0.5);
  CHECK(curve[2].precision() == doctest::Approx(1.0 / 3.0));
  CHECK(curve[2].f1() == doctest::Approx(2.0 / 5.0));

  // What lies in the crowd counts for nothing; the last detection of class 1 is right.
  const OperatingPoint point = matches.point(1, 0.0);
  CHECK(point.truths == 1);
  CHECK(point.right == 1);
  CHECK(point.wrong == 2);
  CHECK(std::isnan(matches.point(1, 0.99).precision()));

  // At 0.9 class 0 has F1 2/3 and class 1 none; further on nothing is better in the mean until the
  // last, where class 1 has 1/2.
  CHECK(matches.best_score() == doctest::Approx(0.4));
  CHECK(matches.confusion(0.65) == std::vector<std::int64_t>{1, 0, 1,  //
                                                             1, 0, 0,  //
                                                             1, 1, 0});
}

TEST_CASE("meters of parts of a set merge; other classes do not") {
  BoxMatches all(1), one(1), two(1);
  const std::vector<Box> a{truth(0, 0)}, b{truth(50, 0), truth(70, 0)};
  const std::vector<Detection> of_a{found(0, 0, 0.5f)}, of_b{found(51, 0, 0.7f)};
  all.add(a, of_a), all.add(b, of_b);
  one.add(a, of_a), two.add(b, of_b);
  one.merge(two);
  CHECK(one.confusion(0.6) == all.confusion(0.6));
  CHECK(one.point(0, 0.0).recall() == doctest::Approx(2.0 / 3.0));
  CHECK(one.best_score() == all.best_score());
  CHECK_THROWS_AS(one.merge(BoxMatches(2)), ShapeError);
  CHECK(BoxMatches(3).best_score() == 1.0);
}

}  // namespace
}  // namespace tessera
