#include "tasks/meter_state.h"

#include <doctest/doctest.h>

#include <array>

#include "core/rng.h"
#include "tasks/classification/meter.h"
#include "tasks/detection/box_matches.h"
#include "tasks/detection/coco_metrics.h"
#include "tasks/segmentation/boundary.h"
#include "tasks/segmentation/confusion.h"

namespace tessera {
namespace {

/// Writes `from`, reads it into `to`, and gives back the bytes.
template <typename Meter>
std::string carry(Meter& from, Meter& to) {
  MeterState written;
  from.exchange(written);
  MeterState read(written.bytes());
  to.exchange(read);
  return written.bytes();
}

TEST_CASE("meter state: a classifier's meter says the same on the other side") {
  Rng rng(1, Stream::kSynthetic, 0, 0);
  ClassificationMeter meter(6), other(6);
  for (int batch = 0; batch < 3; ++batch) {
    const Tensor logits = Tensor::empty({5, 6});
    for (float& value : logits.span()) value = rng.normal();
    const Tensor labels = Tensor::empty({5}, DType::kI32);
    for (auto& label : labels.span<std::int32_t>()) label = static_cast<std::int32_t>(rng.below(6));
    meter.add(logits, labels);
  }
  const std::string bytes = carry(meter, other);
  CHECK(other.samples() == 15);
  CHECK(other.loss() == meter.loss());
  CHECK(other.top5() == meter.top5());
  CHECK(other.confusion() == meter.confusion());
  CHECK(other.calibration_error() == meter.calibration_error());
  MeterState torn(bytes.substr(0, bytes.size() - 1));
  CHECK_THROWS_AS(other.exchange(torn), DataError);
}

TEST_CASE("meter state: counts of masks and boxes say the same on the other side") {
  const std::array<std::uint8_t, 12> truth{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
  const std::array<std::uint8_t, 12> guess{0, 1, 2, 1, 1, 2, 0, 0, 2, 0, 1, 1};
  Confusion confusion(3), same_confusion(3);
  confusion.add(truth, guess);
  carry(confusion, same_confusion);
  CHECK(same_confusion.counts() == confusion.counts());
  BoundaryScore boundary(3), same_boundary(3);
  boundary.add(truth, guess, 3, 4);
  carry(boundary, same_boundary);
  CHECK(same_boundary.mean_iou() == boundary.mean_iou());

  CocoMetrics coco(2), same_coco(2);
  const std::array truths{CocoTruth{.box = {0, 0, 9, 9}, .label = 1, .area = 81, .crowd = false}};
  const std::array found{CocoDetection{.box = {1, 0, 9, 9}, .label = 1, .score = 0.5},
                         CocoDetection{.box = {30, 0, 9, 9}, .label = 0, .score = 0.9}};
  coco.add(5, truths, found);
  carry(coco, same_coco);
  CHECK(same_coco.scores().stats == coco.scores().stats);
  BoxMatches matches(2), same_matches(2);
  const std::array boxes{Box{.x0 = 0, .y0 = 0, .x1 = 9, .y1 = 9, .label = 1}};
  const std::array detections{Detection{1, 0, 10, 9, 1, 0.5f}};
  matches.add(boxes, detections);
  carry(matches, same_matches);
  CHECK(same_matches.confusion(0.1) == matches.confusion(0.1));
}

TEST_CASE("exact sum: the order of what is added does not matter") {
  Rng rng(3, Stream::kSynthetic, 0, 0);
  std::vector<double> values(10000);
  for (double& value : values)
    value = double{rng.uniform()} * (rng.below(9) == 0 ? 1e6 : 1.0) / 3.0;
  const auto sum = [&](std::size_t parts) {
    ExactSum total;
    for (std::size_t part = 0; part < parts; ++part) {
      ExactSum own;
      for (std::size_t i = part; i < values.size(); i += parts) own.add(values[i]);
      total.add(own);
    }
    return total.value();
  };
  double plain = 0.0;
  for (std::size_t i = values.size(); i-- > 0;) plain += values[i];
  CHECK(sum(1) == sum(2));
  CHECK(sum(1) == sum(7));
  CHECK(sum(1) != plain);
}

}  // namespace
}  // namespace tessera
