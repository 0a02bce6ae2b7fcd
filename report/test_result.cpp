#include "report/test_result.h"

#include <algorithm>
#include <cmath>

#include "train/evaluate.h"

namespace tessera::report {
namespace {

Shape image_shape(const Tensor& images) { return {images.dim(1), images.dim(2), images.dim(3)}; }

class Collector {
 public:
  Collector(TestResult& result, const TestOptions& options, std::int64_t samples)
      : result_(result), options_(options), samples_(samples) {
    options_.images = std::min(options.images, samples);
  }

  void add(const Tensor& logits, const Batch& batch) {
    const Shape shape = image_shape(batch.images);
    if (!result_.images) {
      result_.images = Tensor::empty({options_.images, shape[0], shape[1], shape[2]});
      result_.labels = Tensor::empty({options_.images}, DType::kI32);
    }
    const std::int64_t classes = logits.dim(-1);
    for (std::int64_t i = 0; i < batch.labels.dim(0); ++i) {
      const std::int64_t sample = batch.samples[static_cast<std::size_t>(i)];
      const Tensor input = batch.images.slice(i * shape.numel(), shape);
      const std::int32_t label = batch.labels.data<std::int32_t>()[i];
      keep_image(sample, input, label);
      const Tensor row = logits.slice(i * classes, {classes});
      keep_mistake({sample, label, prediction_of(row.span()), input});
    }
  }

  /// Fewer images than were asked for where the last could not be read.
  void finish() {
    if (!result_.images || kept_ == options_.images) return;
    const Tensor& images = result_.images;
    result_.images = images.slice(0, {kept_, images.dim(1), images.dim(2), images.dim(3)});
    result_.labels = result_.labels.slice(0, {kept_});
  }

 private:
  void keep_image(std::int64_t sample, const Tensor& input, std::int32_t label) {
    // The next one where the one that was meant could not be read.
    if (kept_ == options_.images || sample < kept_ * samples_ / options_.images) return;
    result_.images.slice(kept_ * input.numel(), input.shape()).copy_from(input);
    result_.labels.data<std::int32_t>()[kept_++] = label;
  }

  void keep_mistake(Mistake mistake) {
    if (mistake.answer.predicted == mistake.label) return;
    std::vector<Mistake>& kept = result_.mistakes;
    const auto place =
        std::upper_bound(kept.begin(), kept.end(), mistake, [](const Mistake& a, const Mistake& b) {
          return a.answer.confidence > b.answer.confidence;
        });
    if (place == kept.end() && kept.size() >= options_.mistakes) return;
    mistake.input = mistake.input.clone();
    kept.insert(place, std::move(mistake));
    if (kept.size() > options_.mistakes) kept.pop_back();
  }

  TestResult& result_;
  TestOptions options_;
  std::int64_t samples_;
  std::int64_t kept_ = 0;
};

}  // namespace

TestResult test_model(SavedModel& saved, const Dataset& test, const TestOptions& options,
                      Log& log) {
  const LoaderOptions loading = evaluation_options(saved.config.data);
  Loader loader(test, loading);
  TestResult result{ClassificationMeter(saved.config.model.num_classes), {}, {}, {}};
  Collector collector(result, options, test.size());
  const auto visit = [&](std::span<const Tensor> outputs, const Batch& batch) {
    log.status(fmt::format("testing, batch {}/{}", batch.index + 1, loader.batches_per_epoch()));
    collector.add(outputs.front(), batch);
    return true;
  };
  evaluate(*saved.learner, loader, result.metrics, visit);
  collector.finish();
  return result;
}

Image image_of(const Tensor& input, const DataConfig& config) {
  const Normalization normalization = normalization_of(config);
  Image image{{input.dim(0), input.dim(1), input.dim(2)}, {}};
  const std::size_t channels = normalization.mean.size();
  const std::span<const float> values = input.span();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float pixel =
        values[i] * normalization.std[i % channels] + normalization.mean[i % channels];
    image.pixels.push_back(
        static_cast<std::uint8_t>(std::lround(std::clamp(255.0f * pixel, 0.0f, 255.0f))));
  }
  return image;
}

}  // namespace tessera::report
