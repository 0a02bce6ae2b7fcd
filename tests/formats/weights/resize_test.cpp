// Against values from PyTorch: linalg.pinv of the matrix of interpolate(mode="bilinear",
// antialias=True).
#include "formats/weights/resize.h"

#include <doctest/doctest.h>

#include <vector>

namespace tessera {
namespace {

void check_close(const Tensor& tensor, const std::vector<float>& expected) {
  REQUIRE(tensor.span().size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(tensor.span()[i] - expected[i]) < 1e-5f);
  }
}

TEST_CASE("resize_kernels: the pseudo-inverse of the bilinear resize") {
  const auto resized = [](std::vector<float> kernel, std::int64_t from, std::int64_t to) {
    return resize_kernels(Tensor::from({1, 1, from, from}, kernel), {to, to}).value();
  };
  check_close(resized({0, 0, 3, 2}, 2, 4),
              {-0.2475f, -0.2175f, -0.1575f, -0.1275f, 0.0825f, 0.0725f, 0.0525f, 0.0425f, 0.7425f,
               0.6525f, 0.4725f, 0.3825f, 1.0725f, 0.9425f, 0.6825f, 0.5525f});
  check_close(resized({0, 0, 3, 2, 4, 2, 3, 0, 0, 3, 2, 4, 2, 3, 0, 0}, 4, 2),
              {4.814873f, 9.453927f, 9.453927f, 4.814873f});
  check_close(resized({0, 0, 3, 2, 4, 2, 3, 0, 0}, 3, 2),
              {-0.257523f, 7.422477f, 7.422477f, -0.257523f});
  check_close(resized({0, 0, 3, 2}, 2, 3), {-0.361111f, -0.277778f, -0.194444f, 0.722222f,
                                            0.555556f, 0.388889f, 1.805556f, 1.388889f, 0.972222f});
}

TEST_CASE(
    "resize_kernels: a kernel for larger patches responds to them as before to smaller ones") {
  const Tensor kernel = Tensor::from({1, 1, 2, 2}, std::vector<float>{1, -2, 3, 0.5f});
  const Tensor large = resize_kernels(kernel, {4, 4}).value();
  // A 2x2 patch and its bilinear enlargement by torch.
  const std::vector<float> patch{4, 0, 8, 2};
  const std::vector<float> enlarged{4, 3,      1,      0,    5, 3.875f, 1.625f, 0.5f,
                                    7, 5.625f, 2.875f, 1.5f, 8, 6.5f,   3.5f,   2};
  double small_response = 0.0, large_response = 0.0;
  for (std::size_t i = 0; i < 4; ++i) small_response += double{kernel.span()[i] * patch[i]};
  for (std::size_t i = 0; i < 16; ++i) large_response += double{large.span()[i] * enlarged[i]};
  CHECK(large_response == doctest::Approx(small_response));
}

TEST_CASE("resize_kernels: an even kernel responds to even patches as before, also to few pixels") {
  for (const auto& [from, to] : {std::pair<std::int64_t, std::int64_t>{4, 2},
                                 {16, 4},
                                 {7, 3},
                                 {6, 2},
                                 {2, 16},
                                 {1, 5},
                                 {5, 1}}) {
    CAPTURE(from);
    CAPTURE(to);
    const Tensor resized = resize_kernels(Tensor::full({1, 1, from, 3}, 1.0f), {to, 3}).value();
    double sum = 0.0;
    for (const float value : resized.span()) sum += double{value};
    CHECK(sum == doctest::Approx(3.0 * static_cast<double>(from)).epsilon(0.04));
  }
}

TEST_CASE("change_channels: sums to one, repeats in turn and scales") {
  const Tensor rgb = Tensor::from({1, 3, 1, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  check_close(change_channels(rgb, 1), {9, 12});
  check_close(change_channels(rgb, 4), {0.75f, 1.5f, 2.25f, 3, 3.75f, 4.5f, 0.75f, 1.5f});
  const Tensor gray = Tensor::from({2, 1, 1, 1}, std::vector<float>{3, 6});
  check_close(change_channels(gray, 3), {1, 1, 1, 2, 2, 2});
}

}  // namespace
}  // namespace tessera
