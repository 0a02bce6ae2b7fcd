#include "core/ops/channel_dropout.h"

#include "core/error.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

TapeOptions at_step(std::uint64_t step, std::uint64_t sample = 0) {
  return {.seed = 7, .step = step, .sample = sample};
}

Tensor dropped(const TapeOptions& options, const Shape& shape, std::uint32_t lane = 1) {
  Tape tape(options);
  return ops::channel_dropout(tape, tape.constant(Tensor::full(shape, 1.0f)), 0.25f, lane).value;
}

bool same(const Tensor& a, const Tensor& b) {
  return std::equal(a.span().begin(), a.span().end(), b.span().begin(), b.span().end());
}

TEST_CASE("channel_dropout drops whole maps at its rate and scales the others") {
  const Tensor y = dropped(at_step(0), {20, 3, 5, 100});
  int zeros = 0;
  for (std::int64_t b = 0; b < 20; ++b) {
    for (std::int64_t c = 0; c < 100; ++c) {
      const float first = y.f32()[b * 1500 + c];
      CHECK((first == 0.0f || first == doctest::Approx(4.0 / 3.0)));
      zeros += first == 0.0f ? 1 : 0;
      for (std::int64_t place = 0; place < 15; ++place) {
        REQUIRE(y.f32()[b * 1500 + place * 100 + c] == first);
      }
    }
  }
  CHECK(std::abs(zeros - 500) < 4 * 19);  // four standard deviations
}

TEST_CASE("channel_dropout draws by address: step, sample and lane") {
  const Shape shape{3, 2, 2, 64};
  CHECK(same(dropped(at_step(4), shape), dropped(at_step(4), shape)));
  CHECK_FALSE(same(dropped(at_step(4), shape), dropped(at_step(5), shape)));
  CHECK_FALSE(same(dropped(at_step(4), shape), dropped(at_step(4), shape, 2)));
  const Tensor all = dropped(at_step(4), shape), rest = dropped(at_step(4, 1), {2, 2, 2, 64});
  CHECK(same(all.slice(256, {2, 2, 2, 64}), rest));
}

TEST_CASE("channel_dropout is the identity in evaluation and at rate 0") {
  Tape tape({.training = false}), training;
  const Var x = tape.constant(Tensor::full({2, 3, 3, 4}, 1.0f));
  CHECK(ops::channel_dropout(tape, x, 0.5f, 1).value.raw() == x.value.raw());
  CHECK(ops::channel_dropout(training, x, 0.0f, 1).value.raw() == x.value.raw());
}

TEST_CASE("channel_dropout refuses rates and shapes that cannot be meant") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3, 3, 4}));
  CHECK_THROWS_AS(ops::channel_dropout(tape, x, 1.0f, 1), ConfigError);
  CHECK_THROWS_AS(ops::channel_dropout(tape, x, -0.1f, 1), ConfigError);
  CHECK_THROWS_AS(ops::channel_dropout(tape, tape.constant(Tensor::zeros({4})), 0.1f, 1),
                  ShapeError);
}

}  // namespace
}  // namespace tessera
