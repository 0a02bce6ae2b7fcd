#include "report/run_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "data/preview.h"
#include "report/probes/embedding_filters.h"
#include "tasks/make_task.h"
#include "train/config/config.h"

namespace tessera::tensorboard {
namespace {

using report::Picture;

void add_picture(Summary& summary, const std::string& tag, const Picture& picture) {
  summary.image(tag, {picture.height(), picture.width(), 4}, picture.png());
}

/// Images of validation that are drawn.
constexpr std::size_t kDrawn = 4;

using Groups = std::map<std::string, std::vector<std::span<const float>>>;

void add_histograms(Summary& summary, const std::string& prefix, const Groups& groups,
                    float scale) {
  for (const auto& [name, parts] : groups) {
    summary.histogram(prefix + name, histogram_of(parts, scale));
  }
}

}  // namespace

RunEvents::RunEvents(const std::filesystem::path& folder, const Config& config, std::int64_t step)
    : config_(config), task_(make_task(config.task, config.model)), file_(folder, step) {
  Summary summary;
  summary.text("config", fmt::format("```yaml\n{}```\n", to_yaml(config)));
  file_.append(step + 1, summary);  // of the first update, so that it goes when that is cut
}

void RunEvents::on_update(const UpdateRecord& record, std::span<const Batch> batches, const Pace&,
                          std::int64_t) {
  Summary summary;
  for (const Metric& metric : record.metrics) summary.scalar(metric.name, metric.value);
  summary.scalar("optim/lr", record.lr);
  summary.scalar("optim/grad_norm", record.grad_norm);
  file_.append(record.step, summary);
  if (record.step == 1) add_batch(record.step, batches.front());
}

void RunEvents::on_evaluated(std::int64_t, std::span<const Tensor> outputs, const Batch& batch,
                             std::int64_t) {
  if (batch.index == 0) drawn_.clear();
  const Normalization normalization = normalization_of(config_.data);
  for (std::int64_t i = 0; i < batch.size() && drawn_.size() < 2 * kDrawn; ++i) {
    const Image photo = pixels_of(batch, i, normalization);
    for (const Image& image : task_->draw(photo, outputs, batch, i)) {
      drawn_.push_back(report::picture_of(image.pixels, image.shape));
    }
  }
}

void RunEvents::on_evaluation(const EvaluationRecord& record, const TimingRecord& timing, bool) {
  Summary summary;
  for (const Metric& metric : record.metrics) {
    // Updates have shown their own figures one by one.
    if (!metric.name.starts_with("train/")) summary.scalar(metric.name, metric.value);
  }
  summary.scalar("speed/images_per_s", timing.images_per_s);
  summary.scalar("speed/data_wait_share", timing.data_wait_share);
  summary.scalar("speed/peak_memory_mb", timing.peak_memory_mb);
  if (!drawn_.empty()) add_picture(summary, "images/val", report::mosaic(drawn_, 2, 640));
  file_.append(record.step, summary);
}

void RunEvents::add_batch(std::int64_t step, const Batch& batch) {
  constexpr std::int64_t kMost = 32, kColumns = 8, kWidth = 640;
  const Normalization normalization = normalization_of(config_.data);
  std::vector<Picture> tiles;
  for (std::int64_t i = 0; i < std::min(kMost, batch.images.dim(0)); ++i) {
    const Image image = pixels_of(batch, i, normalization);
    tiles.push_back(report::picture_of(image.pixels, image.shape));
  }
  Summary summary;
  add_picture(summary, "images/batch", report::mosaic(tiles, kColumns, kWidth));
  file_.append(step, summary);
}

void RunEvents::on_model(std::int64_t step, Model& model) {
  Groups weights, gradients;
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    weights[entry.group].push_back(entry.parameter->value.span());
    if (entry.parameter->grad_ready) gradients[entry.group].push_back(entry.parameter->grad.span());
  }
  Summary summary;
  add_histograms(summary, "weights/", weights, 1.0f);
  add_histograms(summary, "gradients/", gradients,
                 1.0f / static_cast<float>(config_.data.accumulate));
  // An image of the mean colour, around which the embedding is seen as linear.
  const ModelConfig& plan = model.config();
  const Tensor mean = Tensor::zeros({plan.image_size[0], plan.image_size[1], plan.in_channels});
  add_picture(summary, "images/filters",
              report::filter_mosaic(report::embedding_filters(model, mean).kernels));
  file_.append(step, summary);
}

}  // namespace tessera::tensorboard
