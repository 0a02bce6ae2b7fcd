#include "train/test_views.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

TEST_CASE("test views: images move, what comes in from outside is black, then they are mirrored") {
  // One image of 2 x 3 pixels and two channels: 10 * (3 y + x) + c.
  Tensor images = Tensor::empty({1, 2, 3, 2});
  for (std::int64_t i = 0; i < 12; ++i) {
    images.f32()[i] = static_cast<float>(10 * (i / 2) + i % 2);
  }
  const auto reds = [&](std::int64_t down, std::int64_t right, bool flip) {
    const Tensor view = view_of(images, down, right, flip, {-1.0f, -2.0f});
    std::vector<float> values;
    for (std::int64_t i = 0; i < 6; ++i) {
      const float red = view.f32()[2 * i], second = view.f32()[2 * i + 1];
      CHECK(second == (red == -1.0f ? -2.0f : red + 1.0f));
      values.push_back(red);
    }
    return values;
  };
  CHECK(reds(0, 0, false) == std::vector<float>{0, 10, 20, 30, 40, 50});
  CHECK(reds(0, 0, true) == std::vector<float>{20, 10, 0, 50, 40, 30});
  CHECK(reds(1, 1, false) == std::vector<float>{-1, -1, -1, -1, 0, 10});
  CHECK(reds(-1, 0, false) == std::vector<float>{30, 40, 50, -1, -1, -1});
  CHECK(reds(0, -1, true) == std::vector<float>{-1, 20, 10, -1, 50, 40});
  CHECK(reds(2, 0, false) == std::vector<float>(6, -1.0f));
}

std::vector<double> softmax(const Tensor& logits, std::int64_t row) {
  std::vector<double> p;
  double sum = 0.0;
  for (std::int64_t k = 0; k < logits.dim(1); ++k) {
    p.push_back(std::exp(double{logits.f32()[row * logits.dim(1) + k]}));
    sum += p.back();
  }
  for (double& value : p) value /= sum;
  return p;
}

TEST_CASE("test views: the answer is the log of the mean probability over all views") {
  Config config;
  config.model = test::tiny_config();
  Learner learner(config);
  test::randomize(learner.model());
  const Tensor images = test::random_images(config.model, 3);
  const std::vector<float> black(static_cast<std::size_t>(config.model.in_channels), -0.5f);
  for (const TestViews& views : {TestViews{.flip = true}, TestViews{.shift = 1, .fill = black},
                                 TestViews{.flip = true, .shift = 2, .fill = black}}) {
    CAPTURE(views.count());
    std::vector<Tensor> answers;
    const std::int64_t s = views.shift;
    for (const auto& [down, right] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {0, 0}, {s, s}, {s, -s}, {-s, s}, {-s, -s}}) {
      if (s == 0 && !answers.empty()) break;
      answers.push_back(learner.predict(view_of(images, down, right, false, black)).clone());
      if (!views.flip) continue;
      answers.push_back(learner.predict(view_of(images, down, right, true, black)).clone());
      if (s == 0) break;
    }
    REQUIRE(static_cast<std::int64_t>(answers.size()) == views.count());
    const Tensor mean = predict_views(learner, images, views);
    for (std::int64_t row = 0; row < 3; ++row) {
      for (std::int64_t k = 0; k < mean.dim(1); ++k) {
        double expected = 0.0;
        for (const Tensor& answer : answers) {
          expected += softmax(answer, row)[static_cast<std::size_t>(k)];
        }
        expected /= static_cast<double>(answers.size());
        CHECK(std::exp(double{mean.f32()[row * mean.dim(1) + k]}) ==
              doctest::Approx(expected).epsilon(1e-4));
      }
    }
  }
  const Tensor one = predict_views(learner, images, {});
  const Tensor plain = learner.predict(images);
  for (std::size_t i = 0; i < one.span().size(); ++i) CHECK(one.span()[i] == plain.span()[i]);
}

}  // namespace
}  // namespace tessera
