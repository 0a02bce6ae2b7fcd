// What a model makes of the test images, in one pass over them.
#pragma once

#include <vector>

#include "data/images/image.h"
#include "tasks/classification/meter.h"
#include "train/log.h"
#include "train/saved_model.h"

namespace tessera::report {

struct Mistake {
  std::int64_t sample = 0;  ///< of the test split
  std::int64_t label = 0;
  Prediction answer;
  Tensor input;  ///< [H, W, C] as the network saw it
};

struct TestResult {
  ClassificationMeter metrics;
  std::vector<Mistake> mistakes;  ///< the most confident ones, the most confident first
  Tensor images;  ///< [N, H, W, C] inputs from evenly over the split, to experiment with
  Tensor labels;  ///< [N] i32
};

struct TestOptions {
  std::size_t mistakes = 0;  ///< to keep at most
  std::int64_t images = 0;
};

/// Predicts all of `test` with the weights the model holds.
TestResult test_model(SavedModel& saved, const Dataset& test, const TestOptions& options, Log& log);

/// An input [H, W, C] of the network as the image it was, by the normalization of `config`.
Image image_of(const Tensor& input, const DataConfig& config);

}  // namespace tessera::report
