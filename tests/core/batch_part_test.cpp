// Ops that look at a whole batch, when parts of it are elsewhere.
#include "core/batch_part.h"

#include <doctest/doctest.h>

#include <array>
#include <numeric>

#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/norms.h"
#include "tests/support/gradient_check.h"
#include "tests/support/op.h"
#include "tests/support/thread_peers.h"

namespace tessera {
namespace {

constexpr std::array<std::int64_t, 4> kShares = {0, 1, 4, 6};  // of three: unequal ones
constexpr int kPeers = 3;

std::int64_t first_of(int rank) { return kShares[static_cast<std::size_t>(rank)]; }
std::int64_t count_of(int rank) { return first_of(rank + 1) - first_of(rank); }

TEST_CASE("batch part: batch norm over several processes is that of the whole batch") {
  struct Layer {
    ops::BatchStatistics running{5};
    void visit(ParameterVisitor& visitor) { running.visit(visitor); }
  };
  const Tensor x = test::random_tensor({6, 7, 3, 5}, 1), probe = test::random_tensor(x.shape(), 2);
  const Tensor gamma = test::random_tensor({5}, 3), beta = test::random_tensor({5}, 4);
  struct Result {
    Tensor y, dx, dgamma, dbeta, statistics;
  };
  const auto run = [&](const Tensor& values, const Tensor& weights, const BatchPart& part) {
    Layer layer;
    const ParameterStore store(layer);
    Tape tape({.part = part});
    const Var in = tape.leaf(values), g = tape.leaf(gamma), b = tape.leaf(beta);
    const Var y = ops::batch_norm(tape, in, g, b, layer.running, {.relu = true});
    tape.backward(test::weighted_sum(tape, y, weights));
    return Result{y.value, tape.grad(in), tape.grad(g), tape.grad(b),
                  store.buffer_values().clone()};
  };
  const Result whole = run(x, probe, {});
  std::array<Result, kPeers> parts;
  test::with_peers(kPeers, [&](Peers& peers, int rank) {
    const std::int64_t first = first_of(rank), count = count_of(rank);
    parts[static_cast<std::size_t>(rank)] =
        run(test::rows_of(x, first, count), test::rows_of(probe, first, count),
            {.peers = &peers, .whole = 6});
  });
  const Tensor dgamma = Tensor::zeros({5}), dbeta = Tensor::zeros({5});
  for (int rank = 0; rank < kPeers; ++rank) {
    const Result& part = parts[static_cast<std::size_t>(rank)];
    const auto rows = [&](const Tensor& all) {
      return test::rows_of(all, first_of(rank), count_of(rank));
    };
    CHECK(test::relative_error(part.y, rows(whole.y)) < 1e-6);
    CHECK(test::relative_error(part.dx, rows(whole.dx)) < 1e-5);
    CHECK(test::relative_error(part.statistics, whole.statistics) < 1e-6);
    for (std::int64_t c = 0; c < 5; ++c) {
      dgamma.f32()[c] += part.dgamma.f32()[c];
      dbeta.f32()[c] += part.dbeta.f32()[c];
    }
  }
  CHECK(test::relative_error(dgamma, whole.dgamma) < 1e-5);
  CHECK(test::relative_error(dbeta, whole.dbeta) < 1e-5);
}

TEST_CASE("batch part: losses of parts add up to the mean of the whole batch, gradients too") {
  const Tensor logits = test::random_tensor({6, 2, 3, 4}, 7);
  const Tensor labels = Tensor::empty({6, 2, 3}, DType::kI32);
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    // Image 1 has no pixel that counts.
    labels.data<std::int32_t>()[i] = i / 6 == 1 ? 255 : static_cast<std::int32_t>(i * 5 % 4);
  }
  const auto pixels = [&](Tape& tape, const Var& z, std::int64_t first) {
    return ops::pixel_cross_entropy(
        tape, z, labels.slice(first * 6, {z.dim(0), z.dim(1), z.dim(2)}), {.ignored = 255});
  };
  const auto images = [&](Tape& tape, const Var& z, std::int64_t first) {
    Var rows = z;
    rows.value = z.value.reshape({z.dim(0), 24});
    const Tensor truth = Tensor::empty({z.dim(0)}, DType::kI32);
    std::iota(truth.data<std::int32_t>(), truth.data<std::int32_t>() + z.dim(0),
              static_cast<std::int32_t>(first));
    return ops::cross_entropy(tape, rows, truth, 0.1f);
  };
  const auto check = [&](const auto& loss_of) {
    Tape tape;
    const Var z = tape.leaf(logits);
    const Var loss = loss_of(tape, z, 0);
    tape.backward(loss);
    std::array<double, kPeers> losses{};
    std::array<Tensor, kPeers> gradients;
    test::with_peers(kPeers, [&](Peers& peers, int rank) {
      Tape own({.part = {.peers = &peers, .whole = 6}});
      const Var rows = own.leaf(test::rows_of(logits, first_of(rank), count_of(rank)));
      const Var part = loss_of(own, rows, first_of(rank));
      own.backward(part);
      losses[static_cast<std::size_t>(rank)] = double{part.value.f32()[0]};
      gradients[static_cast<std::size_t>(rank)] = own.grad(rows);
    });
    CHECK(std::accumulate(losses.begin(), losses.end(), 0.0) ==
          doctest::Approx(double{loss.value.f32()[0]}).epsilon(1e-6));
    const Tensor gradient = tape.grad(z).reshape(logits.shape());
    for (int rank = 0; rank < kPeers; ++rank) {
      const Tensor expected = test::rows_of(gradient, first_of(rank), count_of(rank));
      CHECK(test::relative_error(
                gradients[static_cast<std::size_t>(rank)].reshape(expected.shape()), expected) <
            1e-6);
    }
  };
  check(pixels);
  check(images);
}

TEST_CASE("batch part: a sample is dropped as its place in the whole batch says") {
  const Tensor x = Tensor::full({6, 2, 2, 8}, 1.0f);
  const auto dropped = [&](const Tensor& values, std::span<const std::int64_t> places) {
    Tape tape({.seed = 5, .step = 2, .sample = 12, .part = {.places = places}});
    return ops::dropout(tape, tape.constant(values), 0.5f, 3).value;
  };
  const Tensor whole = dropped(x, {});
  const std::vector<std::int64_t> places = {1, 4};
  const Tensor part = dropped(test::rows_of(x, 0, 2), places);
  for (std::int64_t i = 0; i < 2; ++i) {
    const Tensor expected = test::rows_of(whole, places[static_cast<std::size_t>(i)], 1);
    CHECK(std::ranges::equal(test::rows_of(part, i, 1).span(), expected.span()));
  }
  CHECK(!std::ranges::equal(test::rows_of(part, 0, 1).span(), test::rows_of(part, 1, 1).span()));
}

}  // namespace
}  // namespace tessera
