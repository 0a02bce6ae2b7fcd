#include "optim/clip.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/optim/toy_model.h"

namespace tessera {
namespace {

using test::ToyModel;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("the gradient norm is that of a plain loop over the entries") {
  ToyModel model = ToyModel::odd();
  ParameterStore store(model);
  test::draw_gradients(store, 0);
  long double sum = 0.0L;
  for (const ParameterStore::Entry& entry : store.entries()) {
    for (const float value : entry.parameter->grad.span()) {
      sum += static_cast<long double>(value) * static_cast<long double>(value);
    }
  }
  const double expected = static_cast<double>(std::sqrt(sum));
  CHECK(gradient_norm(store) == doctest::Approx(expected).epsilon(1e-13));
}

TEST_CASE("squares of parts add up to those of the whole") {
  ToyModel model = ToyModel::odd();
  ParameterStore store(model);
  test::draw_gradients(store, 0);
  const std::int64_t size = store.grads().numel();
  const double first = gradient_squares(store, {{{0, 16}, {32, 40'000}}});
  const double second = gradient_squares(store, {{{16, 32}, {40'000, size}}});
  CHECK(std::sqrt(first + second) == doctest::Approx(gradient_norm(store)).epsilon(1e-13));
  CHECK(gradient_squares(store, {}) == 0.0);
}

TEST_CASE("the gradient norm has the same bits for any number of threads") {
  ToyModel model = ToyModel::odd();
  ParameterStore store(model);
  test::draw_gradients(store, 1);
  std::vector<double> norms;
  for (const int count : {1, 2, 3}) {
    const test::Threads threads(count);
    norms.push_back(gradient_norm(store));
  }
  CHECK(norms[0] == norms[1]);
  CHECK(norms[0] == norms[2]);
}

TEST_CASE("the gradient norm shows values that are not finite, wherever they are") {
  ToyModel model = ToyModel::odd();
  ParameterStore store(model);
  test::draw_gradients(store, 2);
  for (const ParameterStore::Entry& entry : store.entries()) {
    float& last = entry.parameter->grad.span().back();
    const float kept = last;
    last = std::numeric_limits<float>::infinity();
    CHECK(gradient_norm(store) == kInfinity);
    last = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(gradient_norm(store)));
    last = kept;
    CHECK(std::isfinite(gradient_norm(store)));
  }
}

TEST_CASE("the gradient norm of large but finite gradients does not overflow") {
  ToyModel model;
  model.parameters.push_back(Parameter({4}, Init::zeros(), true));
  ParameterStore store(model);
  model.parameters[0].grad.fill(1e38f);
  CHECK(gradient_norm(store) == doctest::Approx(2e38));
}

TEST_CASE("the gradient norm of no parameters is zero") {
  ToyModel model;
  CHECK(gradient_norm(ParameterStore(model)) == 0.0);
}

TEST_CASE("clip_factor is PyTorch's coefficient") {
  CHECK(clip_factor(4.0, 1.0) == 1.0 / (4.0 + 1e-6));
  CHECK(clip_factor(1.0, 1.0) == 1.0 / (1.0 + 1e-6));
  CHECK(clip_factor(0.5, 1.0) == 1.0);
  CHECK(clip_factor(0.0, 1.0) == 1.0);
  CHECK(clip_factor(100.0, 0.0) == 1.0);
}

TEST_CASE("clip_factor of a norm that is not finite cannot pass for a good one") {
  CHECK(clip_factor(kInfinity, 1.0) == 0.0);
  CHECK(std::isnan(clip_factor(kNan, 1.0)));
  CHECK(std::isnan(clip_factor(kNan, 0.0)));
}

}  // namespace
}  // namespace tessera
