#include "train/test_views.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/ops/elementwise.h"
#include "core/parallel.h"

namespace tessera {
namespace {

Tensor probabilities(const Tensor& logits) {
  Tape tape({.training = false});
  return ops::softmax(tape, tape.constant(logits)).value;
}

}  // namespace

Tensor view_of(const Tensor& images, std::int64_t down, std::int64_t right, bool flip,
               const std::vector<float>& fill) {
  const std::int64_t height = images.dim(1), width = images.dim(2), channels = images.dim(3);
  const Tensor view = Tensor::empty(images.shape());
  parallel_for(images.dim(0) * height, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t image = row / height, y = row % height - down;
      for (std::int64_t column = 0; column < width; ++column) {
        const std::int64_t x = (flip ? width - 1 - column : column) - right;
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        const float* from =
            inside ? images.f32() + ((image * height + y) * width + x) * channels : fill.data();
        std::copy_n(from, channels, view.f32() + (row * width + column) * channels);
      }
    }
  });
  return view;
}

Tensor predict_views(Learner& learner, const Tensor& images, const TestViews& views) {
  if (views.count() == 1) return learner.predict(images);
  constexpr std::array<std::array<std::int64_t, 2>, 5> kPlaces = {
      {{0, 0}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}}};
  Tensor sum;
  for (std::size_t place = 0; place < (views.shift > 0 ? kPlaces.size() : 1); ++place) {
    for (int flip = 0; flip <= (views.flip ? 1 : 0); ++flip) {
      const Tensor view = view_of(images, views.shift * kPlaces[place][0],
                                  views.shift * kPlaces[place][1], flip == 1, views.fill);
      const Tensor answer = probabilities(learner.predict(view));
      if (!sum) {
        sum = answer;
        continue;
      }
      for (std::size_t i = 0; i < sum.span().size(); ++i) sum.span()[i] += answer.span()[i];
    }
  }
  for (float& value : sum.span()) value = std::log(value / static_cast<float>(views.count()));
  return sum;
}

}  // namespace tessera
