// How good masks are, over a whole set.
#pragma once

#include "data/sample.h"
#include "tasks/segmentation/boundary.h"
#include "tasks/segmentation/confusion.h"
#include "tasks/task.h"

namespace tessera {

/// What the logits of image `index` of a batch say of each pixel of the image as it was before it
/// was scaled: enlarged to the batch, without the padding, scaled to the original, there the class
/// with the largest logit (the first of equal ones). logits f32 [B, h, w, K]; the batch brings
/// sizes and original_sizes. K is at most 255.
Mask predicted_mask(const Tensor& logits, const Batch& batch, std::int64_t index);

/// The same of the whole batch's area at `size`, height and width.
Mask predicted_mask(const Tensor& logits, std::int64_t index, const ImageSize& size);

/// The same of one photo: logits [1, h, w, K] of the network's input [1, H, W, C].
Mask predicted_mask(const Tensor& logits, const Tensor& input, const ImageSize& original);

struct PixelCount {
  std::int64_t right = 0;
  std::int64_t counted = 0;  ///< neither ignored nor padding
};

/// logits [B, h, w, K], f32 or bf16, against the pixel of masks i32 [B, H, W] in the middle of each
/// of their cells.
PixelCount count_right_pixels(const Tensor& logits, const Tensor& masks);

/// Masks at the size of the images as they are in the data set: a batch must bring its `originals`.
class SegmentationMeter final : public Meter {
 public:
  explicit SegmentationMeter(std::int64_t num_classes)
      : confusion_(num_classes), boundary_(num_classes) {}

  void add(std::span<const Tensor> outputs, const Batch& batch) override;
  void merge(const Meter& other) override;
  void exchange(MeterState& state) override;

  /// `loss`, the cross entropy of a pixel without weights; `miou`, `macc`, `aacc`, `boundary_iou`:
  /// see Confusion and BoundaryScore.
  Metrics values() const override;

  /// Of the images of the batch that was added last.
  const std::vector<Mask>& predictions() const { return predictions_; }

  const Confusion& confusion() const { return confusion_; }
  const BoundaryScore& boundary() const { return boundary_; }
  std::int64_t samples() const { return samples_; }

 private:
  Confusion confusion_;
  BoundaryScore boundary_;
  std::vector<Mask> predictions_;
  ExactSum loss_sum_;  ///< over pixels
  std::int64_t pixels_ = 0;
  std::int64_t samples_ = 0;
};

}  // namespace tessera
