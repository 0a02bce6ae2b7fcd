// Against values from PyTorch's interpolate(mode="bicubic").
#include "core/ops/bicubic_resize.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/error.h"

namespace tessera {
namespace {

Tensor resized(const Tensor& map, std::array<std::int64_t, 2> size) {
  Tape tape({.training = false});
  return ops::bicubic_resize(tape, tape.constant(map), size).value;
}

void check_close(const Tensor& tensor, const std::vector<float>& expected) {
  REQUIRE(tensor.span().size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(tensor.span()[i] - expected[i]) < 1e-5f);
  }
}

TEST_CASE("bicubic_resize: as torch does it, larger, smaller and of other proportions") {
  const Tensor map = Tensor::from({3, 3, 1}, std::vector<float>{0, 10, 1, 6, 3, 3, 6, 1, 10});
  check_close(resized(map, {5, 5}),
              {-1.655807f, 4.498434f, 10.672001f, 5.445088f, -0.138943f, 1.838402f, 4.750031f,
               7.427997f,  4.027729f, 0.681027f,  6.288001f, 4.835999f,  3.0f,      2.784002f,
               3.000001f,  6.92736f,  3.986688f,  1.272002f, 4.667955f,  8.018977f, 6.498434f,
               3.275297f,  0.808001f, 6.470947f,  11.618947f});
  check_close(resized(map, {3, 7}),
              {-1.093292f, 1.327989f, 6.746356f, 10.0f, 7.271136f, 2.220117f, 0.016035f,
               6.327988f,  5.637028f, 4.259473f, 3.0f,  2.685131f, 2.960644f, 3.0f,
               6.546647f,  5.276973f, 2.154518f, 1.0f,  4.253643f, 8.845482f, 10.983967f});
  check_close(resized(map, {2, 2}), {3.229477f, 3.106293f, 4.821396f, 6.659683f});
  check_close(resized(map, {1, 1}), {3.0f});
  check_close(resized(map, {3, 3}), {0, 10, 1, 6, 3, 3, 6, 1, 10});
}

TEST_CASE("bicubic_resize: channels do not mix") {
  const Tensor map = Tensor::from({2, 2, 2}, std::vector<float>{0, 5, 1, 5, 2, 5, 3, 5});
  const Tensor larger = resized(map, {3, 3});
  CHECK(larger.f32()[2 * 4] == doctest::Approx(1.5));
  for (int i = 0; i < 9; ++i) CHECK(larger.f32()[2 * i + 1] == doctest::Approx(5.0));
}

TEST_CASE("bicubic_resize: what is no map, and sides of nothing, are refused") {
  CHECK_THROWS_AS(resized(Tensor::zeros({2, 2}), {3, 3}), ShapeError);
  CHECK_THROWS_AS(resized(Tensor::zeros({2, 0, 1}), {3, 3}), ShapeError);
  CHECK_THROWS_AS(resized(Tensor::zeros({2, 2, 1}), {3, 0}), ShapeError);
  CHECK_THROWS_AS(resized(Tensor::zeros({2, 2, 1}, DType::kBF16), {3, 3}), ShapeError);
}

}  // namespace
}  // namespace tessera
