#include "core/ops/hidden_patches.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "tests/support/op_check.h"
#include "tests/support/thread_peers.h"

namespace tessera {
namespace {

using test::random_tensor;
using Size = std::array<std::int64_t, 2>;

/// About half of the squares.
ops::HiddenPatches some_hidden(const Shape& mask, Size side) {
  ops::HiddenPatches hidden{Tensor::zeros(mask), side};
  for (std::int64_t i = 0; i < mask.numel(); ++i) {
    hidden.mask.f32()[i] = (i * 7 + 2) % 5 < 2 ? 1.0f : 0.0f;
  }
  return hidden;
}

TEST_CASE("hidden tokens are replaced, square by square, and hand their gradient to the token") {
  const Tensor tokens = random_tensor({2, 5, 4, 3}, 1), token = random_tensor({1, 1, 3}, 2);
  const ops::HiddenPatches hidden = some_hidden({2, 3, 2}, {2, 3});  // the last ones are cut off
  const test::OpResult result = test::run_op({tokens, token}, [&](Tape& t, std::span<const Var> v) {
    return ops::replace_tokens(t, v[0], v[1], hidden);
  });
  const Tensor probe = random_tensor(tokens.shape(), 977);
  std::array<double, 3> sums{};
  for (std::int64_t i = 0; i < tokens.numel(); ++i) {
    const std::int64_t c = i % 3, x = i / 3 % 4, y = i / 12 % 5, b = i / 60;
    const bool is_hidden = hidden.mask.f32()[(b * 3 + y / 2) * 2 + x / 3] != 0.0f;
    CHECK(result.y.f32()[i] == (is_hidden ? token.f32()[c] : tokens.f32()[i]));
    CHECK(result.grads[0].f32()[i] == (is_hidden ? 0.0f : probe.f32()[i]));
    if (is_hidden) sums[static_cast<std::size_t>(c)] += double{probe.f32()[i]};
  }
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(double{result.grads[1].span()[c]} == doctest::Approx(sums[c]).epsilon(1e-5));
  }
}

// Loss and gradient of the official code of SimMIM (repeat_interleave of the mask, pixel_shuffle,
// l1_loss without reduction) in double precision, by PyTorch 2.15, of the same numbers.
TEST_CASE("decoded pixels and their loss are those of the official code") {
  Tensor deep = Tensor::empty({2, 2, 3, 12}), images = Tensor::empty({2, 4, 6, 3});
  for (int b = 0; b < 2; ++b) {
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 3; ++j) {
        for (int k = 0; k < 12; ++k) {
          deep.f32()[((b * 2 + i) * 3 + j) * 12 + k] =
              static_cast<float>(std::sin(0.37 * (((b * 12 + k) * 2 + i) * 3 + j)));
        }
      }
    }
    for (int y = 0; y < 4; ++y) {
      for (int x = 0; x < 6; ++x) {
        for (int c = 0; c < 3; ++c) {
          images.f32()[((b * 4 + y) * 6 + x) * 3 + c] =
              static_cast<float>(std::cos(0.11 * (((b * 3 + c) * 4 + y) * 6 + x)));
        }
      }
    }
  }
  const ops::HiddenPatches hidden{
      Tensor::from({2, 2, 3}, std::vector<float>{1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1}), {2, 2}};
  Tape tape;
  const Var leaf = tape.leaf(deep);
  const Var loss = ops::hidden_l1(tape, ops::pixel_shuffle(tape, leaf, {2, 2}), images, hidden);
  CHECK(double{loss.value.f32()[0]} == doctest::Approx(0.885962003473).epsilon(1e-6));
  tape.backward(loss);
  const Tensor gradient = tape.grad(leaf);
  const std::array<int, 12> signs{-1, -1, -1, -1, 1, -1, 1, 1, -1, 1, -1, -1};
  for (std::size_t k = 0; k < 12; ++k) {
    CHECK(double{gradient.span()[k]} == doctest::Approx(signs[k] * 0.010416663411).epsilon(1e-6));
  }
  int up = 0, down = 0;
  for (const float g : gradient.span()) {
    up += g > 0.0f ? 1 : 0;
    down += g < 0.0f ? 1 : 0;
  }
  CHECK(up == 51);
  CHECK(down == 45);
}

TEST_CASE("the loss of hidden pixels leaves out what is padded and what lies beyond the image") {
  const Tensor x = random_tensor({2, 8, 8, 2}, 1), target = random_tensor({2, 7, 6, 2}, 2);
  const ops::HiddenPatches hidden = some_hidden({2, 3, 3}, {3, 3});
  const std::vector<Size> sizes{{7, 4}, {5, 6}};
  double sum = 0.0, pixels = 0.0;
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t r = 0; r < sizes[static_cast<std::size_t>(b)][0]; ++r) {
      for (std::int64_t c = 0; c < sizes[static_cast<std::size_t>(b)][1]; ++c) {
        if (hidden.mask.f32()[(b * 3 + r / 3) * 3 + c / 3] == 0.0f) continue;
        pixels += 1.0;
        for (std::int64_t k = 0; k < 2; ++k) {
          sum += std::abs(double{x.f32()[((b * 8 + r) * 8 + c) * 2 + k]} -
                          double{target.f32()[((b * 7 + r) * 6 + c) * 2 + k]});
        }
      }
    }
  }
  Tape tape;
  const Var loss = ops::hidden_l1(tape, tape.constant(x), target, hidden, sizes);
  CHECK(double{loss.value.f32()[0]} == doctest::Approx(sum / (pixels + 1e-5) / 2.0).epsilon(1e-6));
}

TEST_CASE("the losses of two parts of a batch add to that of the whole") {
  const Tensor x = random_tensor({3, 4, 4, 2}, 1), target = random_tensor({3, 4, 4, 2}, 2);
  const ops::HiddenPatches hidden = some_hidden({3, 2, 2}, {2, 2});
  Tape tape;
  const double whole =
      double{ops::hidden_l1(tape, tape.constant(x), target, hidden).value.f32()[0]};
  std::array<double, 2> parts{};
  test::with_peers(2, [&](Peers& peers, int rank) {
    const std::int64_t first = rank == 0 ? 0 : 1, count = rank == 0 ? 1 : 2;
    Tape own({.part = {&peers, 3, {}}});
    const Var loss = ops::hidden_l1(own, own.constant(test::rows_of(x, first, count)),
                                    test::rows_of(target, first, count),
                                    {hidden.mask.slice(first * 4, {count, 2, 2}), {2, 2}});
    parts[static_cast<std::size_t>(rank)] = double{loss.value.f32()[0]};
  });
  CHECK(parts[0] + parts[1] == doctest::Approx(whole).epsilon(1e-6));
}

TEST_CASE("hidden patches: shapes that do not fit are refused") {
  Tape tape;
  const auto zeros = [&](const Shape& shape) { return tape.constant(Tensor::zeros(shape)); };
  const ops::HiddenPatches hidden{Tensor::zeros({2, 2, 2}), {2, 2}};
  const auto replace = [&](const Shape& tokens, const Shape& token) {
    ops::replace_tokens(tape, zeros(tokens), zeros(token), hidden);
  };
  CHECK_NOTHROW(replace({2, 4, 3, 5}, {1, 1, 5}));
  CHECK_THROWS_AS(replace({2, 4, 3, 5}, {1, 1, 4}), ShapeError);
  CHECK_THROWS_AS(replace({1, 4, 3, 5}, {1, 1, 5}), ShapeError);
  CHECK_THROWS_AS(replace({2, 5, 3, 5}, {1, 1, 5}), ShapeError);
  CHECK_THROWS_AS(ops::pixel_shuffle(tape, zeros({1, 2, 2, 6}), {2, 2}), ShapeError);
  const auto loss = [&](const Shape& x, const Shape& target, std::vector<Size> sizes = {}) {
    ops::hidden_l1(tape, zeros(x), Tensor::zeros(target), hidden, sizes);
  };
  CHECK_NOTHROW(loss({2, 4, 4, 3}, {2, 4, 3, 3}, {{4, 3}, {1, 1}}));
  CHECK_THROWS_AS(loss({2, 4, 2, 3}, {2, 4, 3, 3}), ShapeError);
  CHECK_THROWS_AS(loss({2, 4, 4, 1}, {2, 4, 4, 3}), ShapeError);
  CHECK_THROWS_AS(loss({2, 4, 4, 3}, {2, 4, 4, 3}, {{4, 4}}), ShapeError);
  CHECK_THROWS_AS(loss({2, 4, 4, 3}, {2, 4, 4, 3}, {{4, 5}, {4, 4}}), ShapeError);
}

}  // namespace
}  // namespace tessera
