#include "core/tape.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>

#include "core/error.h"
#include "core/ops/elementwise.h"

namespace tessera {
namespace {

/// factor * x, writing its gradient through the sink.
Var scaled(Tape& tape, const Var& x, float factor) {
  OpScope op(tape, "scaled");
  const Tensor y = x.value.clone();
  for (float& value : y.span()) value *= factor;
  return tape.record(y, any_wants_grad(x), [x = x.target(), factor](Tape& t, const Tensor& dy) {
    const GradSink sink = t.sink(x);
    for (std::int64_t i = 0; i < dy.numel(); ++i) {
      float& dx = sink.grad.f32()[i];
      dx = sink.beta() * (sink.accumulate ? dx : 0.0f) + factor * dy.f32()[i];
    }
  });
}

float gradient(const Tape& tape, const Var& leaf) { return tape.grad(leaf).f32()[0]; }

Tensor scalar(float value) { return Tensor::full({1}, value); }

TEST_CASE("a chain multiplies, a diamond adds") {
  Tape tape;
  const Var x = tape.leaf(scalar(3.0f));
  const Var left = scaled(tape, x, 2.0f), right = scaled(tape, x, 5.0f);
  const Var loss = scaled(tape, ops::add(tape, left, right), 10.0f);
  CHECK(loss.value.f32()[0] == 210.0f);
  tape.backward(loss);
  CHECK(gradient(tape, x) == 70.0f);
}

TEST_CASE("one tensor used many times gathers all gradients") {
  Tape tape;
  const Var x = tape.leaf(scalar(1.0f));
  Var sum = x;
  for (int i = 0; i < 5; ++i) sum = ops::add(tape, sum, ops::add(tape, x, x));
  tape.backward(sum);
  CHECK(gradient(tape, x) == 11.0f);
}

TEST_CASE("a loss in bf16 has a gradient of 1 in bf16") {
  Tape tape;
  const Var x = tape.leaf(cast(scalar(3.0f), DType::kBF16));
  tape.backward(ops::add(tape, x, x));
  CHECK(tape.grad(x).dtype() == DType::kBF16);
  CHECK(to_f32(*tape.grad(x).data<BF16>()) == 2.0f);
}

TEST_CASE("gradients of a parameter add up over backward passes until they are cleared") {
  Parameter parameter({1}, Init::zeros(), true);
  parameter.value = scalar(2.0f);
  parameter.grad = scalar(99.0f);  // stale: must be overwritten, not added to
  for (const float expected : {6.0f, 12.0f}) {
    Tape tape;
    const Var p = tape.parameter(parameter), again = tape.parameter(parameter);
    tape.backward(ops::add(tape, scaled(tape, p, 1.0f), scaled(tape, again, 5.0f)));
    CHECK(parameter.grad_ready);
    CHECK(parameter.grad.f32()[0] == expected);
  }
  parameter.grad_ready = false;
  Tape tape;
  tape.backward(ops::add(tape, tape.parameter(parameter), tape.leaf(scalar(0.0f))));
  CHECK(parameter.grad.f32()[0] == 1.0f);
}

TEST_CASE("a gradient that is passed on is shared until someone writes to it") {
  Tape tape;
  const Var a = tape.leaf(scalar(1.0f)), b = tape.leaf(scalar(1.0f));
  tape.backward(ops::add(tape, a, b));
  CHECK(tape.grad(a).raw() == tape.grad(b).raw());

  tape.reset({});
  const Var c = tape.leaf(scalar(1.0f)), d = tape.leaf(scalar(1.0f));
  const Var early = scaled(tape, c, 7.0f);  // its gradient comes after the shared one
  tape.backward(ops::add(tape, early, ops::add(tape, c, d)));
  CHECK(gradient(tape, c) == 8.0f);
  CHECK(gradient(tape, d) == 1.0f);
}

TEST_CASE("evaluation records nothing and keeps no intermediate result") {
  Tape tape({.training = false});
  const std::size_t before = Pool::global().stats().live_bytes;
  const Var x = tape.leaf(scalar(1.0f));
  CHECK(x.id == -1);
  {
    Var y = scaled(tape, x, 2.0f);
    for (int i = 0; i < 10; ++i) y = scaled(tape, y, 2.0f);
    CHECK(y.id == -1);
    tape.backward(y);
  }
  CHECK(Pool::global().stats().live_bytes == before + 64);
  CHECK_FALSE(static_cast<bool>(tape.grad(x)));
}

TEST_CASE("ops without an input that wants a gradient are not recorded") {
  Tape tape;
  const Var y = scaled(tape, tape.constant(scalar(1.0f)), 2.0f);
  CHECK(y.id == -1);
  int runs = 0;
  const Var x = tape.leaf(scalar(1.0f));
  tape.record(scalar(0.0f), true, [&runs](Tape&, const Tensor&) { ++runs; });
  tape.backward(scaled(tape, x, 2.0f));
  CHECK(runs == 0);  // no gradient reached it
}

TEST_CASE("an op with two outputs gets an empty tensor for a gradient that never came") {
  Tape tape;
  const Var x = tape.leaf(scalar(1.0f));
  bool first = true, second = false;
  const auto [a, b] = tape.record_all<2>({scalar(1.0f), scalar(2.0f)}, true,
                                         [&](Tape&, const Tensor& da, const Tensor& db) {
                                           first = static_cast<bool>(da);
                                           second = static_cast<bool>(db);
                                         });
  tape.backward(scaled(tape, b, 3.0f));
  CHECK_FALSE(first);
  CHECK(second);
}

TEST_CASE("saved tensors return to the pool as the backward pass goes") {
  const std::size_t before = Pool::global().stats().live_bytes;
  Tape tape;
  std::size_t held_late = 0;
  Var y = tape.leaf(scalar(1.0f));
  y = tape.record(scalar(1.0f), true, [&](Tape& t, const Tensor& dy) {
    held_late = Pool::global().stats().live_bytes;
    t.pass({}, dy);
  });
  const std::size_t small = Pool::global().stats().live_bytes;
  for (int i = 0; i < 4; ++i) {
    const Tensor saved = Tensor::empty({1 << 16});
    y = tape.record(scalar(1.0f), true,
                    [saved, y = y.target()](Tape& t, const Tensor& dy) { t.pass(y, dy); });
  }
  CHECK(Pool::global().stats().live_bytes >= small + 4 * (std::size_t{1} << 18));
  tape.backward(y);
  CHECK(held_late < small + (std::size_t{1} << 18));
  y = Var{};
  tape.reset({});
  CHECK(Pool::global().stats().live_bytes == before);
}

TEST_CASE("a closure that throws leaks nothing, and the tape can be used again") {
  const std::size_t before = Pool::global().stats().live_bytes;
  Tape tape;
  for (int i = 0; i < 2; ++i) {
    const Var x = tape.leaf(scalar(1.0f));
    const Var y = scaled(tape, x, 2.0f);
    const Tensor saved = Tensor::empty({1000});
    const Var bad = tape.record(
        scalar(1.0f), true, [saved](Tape&, const Tensor&) { throw std::runtime_error("broken"); });
    const Var loss = ops::add(tape, y, ops::add(tape, bad, y));
    CHECK_THROWS_AS(tape.backward(loss), std::runtime_error);
    tape.reset({});
  }
  CHECK(Pool::global().stats().live_bytes == before);
  const Var x = tape.leaf(scalar(1.0f));
  tape.backward(scaled(tape, x, 2.0f));
  CHECK(gradient(tape, x) == 2.0f);
}

TEST_CASE("a tape that is dropped before its backward pass frees everything") {
  const std::size_t before = Pool::global().stats().live_bytes;
  {
    Tape tape;
    Var x = tape.leaf(Tensor::zeros({100}));
    for (int i = 0; i < 10; ++i) x = scaled(tape, x, 1.0f);
  }
  CHECK(Pool::global().stats().live_bytes == before);
}

TEST_CASE("a repeated step takes no memory from the system") {
  Tape tape;
  const auto step = [&] {
    tape.reset({});
    const Var x = tape.leaf(Tensor::zeros({1}));
    Var y = x;
    for (int i = 0; i < 3000; ++i) y = scaled(tape, y, 1.0f);  // several arena chunks
    tape.backward(y);
  };
  step();
  const std::uint64_t before = Pool::global().stats().system_allocations;
  for (int i = 0; i < 3; ++i) step();
  CHECK(Pool::global().stats().system_allocations == before);
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const NonFiniteError& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST_CASE("check_finite names scope and op of the first bad value, forward and backward") {
  Tape tape({.check_finite = true});
  const Var x = tape.leaf(Tensor::full({2, 2}, 1.0f));
  const Scope stage(tape, "stages", 1);
  const Scope mlp(tape, "mlp");
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(message_of([&] { scaled(tape, x, infinity); }) ==
        "stages.1.mlp (scaled), output has inf at element 0 of [2, 2]");

  tape.reset({.check_finite = true});
  const Var y = scaled(tape, tape.leaf(scalar(1.0f)), 2.0f);
  OpScope op(tape, "bad");
  const auto with_bad_gradient = [&](bool by_pass) {
    return tape.record(scalar(1.0f), true, [y = y.target(), by_pass](Tape& t, const Tensor&) {
      const Tensor nan = scalar(std::nanf(""));
      if (by_pass) return t.pass(y, nan);
      t.sink(y).grad.copy_from(nan);
    });
  };
  for (const bool by_pass : {true, false}) {
    CHECK(message_of([&] { tape.backward(with_bad_gradient(by_pass)); }) ==
          "stages.1.mlp (bad), gradient has nan at element 0 of [1]");
  }
}

TEST_CASE("check_finite outside of any scope names the op alone") {
  Tape tape({.check_finite = true});
  CHECK(message_of([&] { scaled(tape, tape.leaf(scalar(1.0f)), std::nanf("")); }) ==
        "scaled, output has nan at element 0 of [1]");
}

TEST_CASE("the profile counts calls, arithmetic and bytes of both passes") {
  Profile profile;
  Tape tape({.profile = &profile});
  const Var x = tape.leaf(Tensor::zeros({8}));
  const Var y = ops::add(tape, x, ops::add(tape, x, x));
  const OpScope op(tape, "probe");
  tape.backward(tape.record(scalar(0.0f), true, [y = y.target()](Tape& t, const Tensor&) {
    t.pass(y, Tensor::zeros({8}));
  }));
  const Profile::Entry& entry = profile.entries().find("add")->second;
  CHECK(entry.calls == 2);
  CHECK(entry.flops == 16.0);
  CHECK(entry.bytes == 2 * 3 * 32.0);
  const Profile::Entry& back = profile.entries().find("add (backward)")->second;
  CHECK(back.calls == 2);
  CHECK(back.flops == 32.0);
}

TEST_CASE("backward refuses a loss that is not a scalar") {
  Tape tape;
  CHECK_THROWS_AS(tape.backward(tape.leaf(Tensor::zeros({2}))), ShapeError);
}

TEST_CASE("draws repeat with the step and continue over the batch") {
  Tape tape({.seed = 3, .step = 5, .sample = 10});
  Tape later({.seed = 3, .step = 5, .sample = 12});
  CHECK(tape.rng(Stream::kDropout, 1, 2).next() == later.rng(Stream::kDropout, 1, 0).next());
  CHECK(tape.rng(Stream::kDropout, 1, 2).next() == tape.rng(Stream::kDropout, 1, 2).next());
  CHECK(tape.rng(Stream::kDropout, 1, 2).next() != tape.rng(Stream::kDropout, 2, 2).next());
}

}  // namespace
}  // namespace tessera
