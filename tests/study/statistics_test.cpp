#include "study/statistics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace tessera {
namespace {

TEST_CASE("Student's quantiles are those of printed tables") {
  const auto is = [](double p, std::int64_t freedom, double expected) {
    CAPTURE(freedom);
    CHECK(student_t_quantile(p, freedom) == doctest::Approx(expected).epsilon(5e-6));
  };
  is(0.975, 1, 12.70620);
  is(0.975, 2, 4.302653);
  is(0.975, 3, 3.182446);
  is(0.975, 4, 2.776445);
  is(0.975, 5, 2.570582);
  is(0.975, 6, 2.446912);
  is(0.975, 10, 2.228139);
  is(0.975, 29, 2.045230);
  is(0.975, 30, 2.042272);
  is(0.975, 120, 1.979930);
  is(0.95, 5, 2.015048);
  is(0.995, 4, 4.604095);
  is(0.75, 1, 1.0);
}

TEST_CASE("a mean and its interval") {
  const Estimate four = estimate(std::vector<double>{1.0, 2.0, 3.0, 4.0});
  CHECK(four.n == 4);
  CHECK(four.mean == doctest::Approx(2.5));
  // t 3.182446 times the standard deviation 1.290994 by the root of 4.
  CHECK(four.half_width.value() == doctest::Approx(2.054260).epsilon(1e-6));
  CHECK(four.excludes_zero());

  const Estimate around_zero = estimate(std::vector<double>{-1.0, 2.0, 1.0});
  CHECK(around_zero.half_width.value() > around_zero.mean);
  CHECK_FALSE(around_zero.excludes_zero());
  CHECK(estimate(std::vector<double>{-1.0, -1.1, -0.9}).excludes_zero());
}

TEST_CASE("too few values for an interval, or for a mean") {
  const Estimate one = estimate(std::vector<double>{0.5});
  CHECK(one.n == 1);
  CHECK(one.mean == 0.5);
  CHECK_FALSE(one.half_width.has_value());
  CHECK_FALSE(one.excludes_zero());
  CHECK(estimate({}).n == 0);
  CHECK(estimate(std::vector<double>{0.5, 0.5}).half_width.value() == 0.0);
}

TEST_CASE("estimate: the images tested on widen the interval, also of equal repetitions") {
  const std::vector<double> equal = {0.5, 0.5};
  const Estimate images = estimate(equal, 0.02);
  CHECK(images.half_width.value() == doctest::Approx(1.959964 * 0.02).epsilon(1e-6));
  CHECK(images.error == 0.0);
  const Estimate both = estimate(std::vector<double>{1.0, 2.0, 3.0, 4.0}, 0.5);
  CHECK(both.half_width.value() == doctest::Approx(std::hypot(2.054260, 1.959964 * 0.5)));
}

TEST_CASE("p is that of the interval which just reaches zero") {
  // t = 2.5 / 0.645497 = 3.872983 with 3 degrees of freedom: p = 0.030466 (R: 2 * pt(-t, 3)).
  const Estimate four = estimate(std::vector<double>{1.0, 2.0, 3.0, 4.0});
  CHECK(four.p.value() == doctest::Approx(0.030466).epsilon(1e-4));
  // z = 2 of the images alone: 0.0455.
  CHECK(estimate(std::vector<double>{0.04, 0.04}, 0.02).p.value() ==
        doctest::Approx(0.0455).epsilon(1e-3));
  CHECK(estimate(std::vector<double>{-1.0, 1.0}).p.value() == 1.0);
  CHECK(!estimate(std::vector<double>{1.0}).p);
  const Estimate borderline = estimate(std::vector<double>{1.0, 2.0, 3.0}, 0.1);
  CHECK(borderline.excludes_zero() == (*borderline.p < 0.05));
}

TEST_CASE("Holm's correction: the textbook case, and ties") {
  const std::vector<double> adjusted = holm(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  CHECK(adjusted[3] == doctest::Approx(0.02));
  CHECK(adjusted[0] == doctest::Approx(0.03));
  CHECK(adjusted[2] == doctest::Approx(0.06));
  CHECK(adjusted[1] == doctest::Approx(0.06));
  CHECK(holm(std::vector<double>{0.9, 0.8}) == std::vector<double>{1.0, 1.0});
  CHECK(holm({}).empty());
}

TEST_CASE("repetitions that would show a difference") {
  const Estimate two = estimate(std::vector<double>{0.01, 0.03});
  const std::int64_t needed = repetitions_to_show(two).value();
  CHECK(needed == 5);  // t(4) 0.01414 / sqrt(5) = 0.01756 < 0.02 < t(3) 0.01414 / 2 = 0.0225
  CHECK(!repetitions_to_show(estimate(std::vector<double>{0.01, 0.01}, 0.02)));
  CHECK(!repetitions_to_show(estimate(std::vector<double>{0.01})));
}

TEST_CASE("repetitions that would make an interval as narrow as is wanted") {
  const Estimate two = estimate(std::vector<double>{0.01, 0.03});
  CHECK(repetitions_for(two, 0.02) == repetitions_to_show(two));
  // t(9) 0.014142 / sqrt(10) = 0.010117, t(10) 0.014142 / sqrt(11) = 0.009501
  CHECK(repetitions_for(two, 0.01).value() == 11);
  const std::vector<double> values = {0.01, 0.03};
  CHECK(repetitions_for(estimate(values, 0.001), 0.01).value() == 11);
  CHECK(!repetitions_for(estimate(values, 0.006), 0.01));  // 1.96 * 0.006 is more
  // All of 0.006 is noise of the repetitions: at n it is 0.006 sqrt(2 / n). With n = 12
  // t(11) 0.014142 / sqrt(12) = 0.008985 and z 0.002449 = 0.004801 give 0.010187, with 13
  // 0.008546 and 0.004612 give 0.009711.
  CHECK(repetitions_for(estimate(values, 0.006, 0.0), 0.01).value() == 13);
  CHECK(!repetitions_for(estimate(std::vector<double>{0.01}), 0.01));
}

}  // namespace
}  // namespace tessera
