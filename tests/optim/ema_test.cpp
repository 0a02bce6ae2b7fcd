#include "optim/ema.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/optim/toy_model.h"

namespace tessera {
namespace {

using test::ToyModel;

/// Weights as after step `step` of some training.
void move_weights(ParameterStore& store, std::uint64_t step) { store.initialize(100 + step); }

TEST_CASE("averages follow their formula in double precision") {
  for (const double decay : {0.0, 0.3, 0.999}) {
    CAPTURE(decay);
    ToyModel model = ToyModel::odd();
    ParameterStore store(model);
    store.initialize(5);
    std::vector<double> expected(store.values().span().begin(), store.values().span().end());
    Ema ema(store, decay);
    for (int t = 1; t <= 9; ++t) {
      move_weights(store, static_cast<std::uint64_t>(t));
      ema.update();
      const double d = std::min(decay, t / (9.0 + t));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        expected[i] = d * expected[i] + (1.0 - d) * double{store.values().span()[i]};
      }
    }
    const Tensor averages = ema.state()[0].tensor;
    double worst = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      worst = std::max(worst, std::abs(double{averages.span()[i]} - expected[i]));
    }
    CHECK(worst < 1e-6);
  }
}

TEST_CASE("swap puts the averages in place and the trained weights back") {
  ToyModel model = ToyModel::odd();
  ParameterStore store(model);
  store.initialize(5);
  Ema ema(store, 0.9);
  move_weights(store, 1);
  ema.update();
  const Tensor trained = store.values().clone();
  const Tensor averages = ema.state()[0].tensor.clone();
  CHECK_FALSE(test::same_bits(trained, averages));

  ema.swap();
  CHECK(test::same_bits(store.values(), averages));
  CHECK(model.parameters[3].value.span()[0] ==
        averages.span()[std::size_t(store.entries()[3].offset)]);
  ema.swap();
  CHECK(test::same_bits(store.values(), trained));
  CHECK(test::same_bits(ema.state()[0].tensor, averages));
}

TEST_CASE("averages restored from their state continue bit for bit") {
  ToyModel model = ToyModel::odd();
  ParameterStore store(model);
  store.initialize(5);
  Ema ema(store, 0.999);
  for (std::uint64_t step = 1; step <= 3; ++step) {
    move_weights(store, step);
    ema.update();
  }
  Ema resumed(store, 0.999);
  const StateTensors from = ema.state(), to = resumed.state();
  REQUIRE(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    CHECK(from[i].name == to[i].name);
    to[i].tensor.copy_from(from[i].tensor);
  }
  for (std::uint64_t step = 4; step <= 6; ++step) {
    move_weights(store, step);
    ema.update();
    resumed.update();
  }
  CHECK(test::same_bits(ema.state()[0].tensor, resumed.state()[0].tensor));
  CHECK(test::same_bits(ema.state()[1].tensor, resumed.state()[1].tensor));
}

}  // namespace
}  // namespace tessera
