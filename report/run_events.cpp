#include "report/run_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "data/preview.h"
#include "report/probes/embedding_filters.h"
#include "tasks/make_task.h"
#include "train/config/config.h"
#include "train/config/schema.h"

namespace tessera::tensorboard {
namespace {

using report::Picture;

void add_picture(Summary& summary, const std::string& tag, const Picture& picture) {
  summary.image(tag, {picture.height(), picture.width(), 4}, picture.png());
}

/// Images of validation that are drawn.
constexpr std::size_t kDrawn = 4;

/// Of a confusion matrix that is drawn.
constexpr std::size_t kMostClasses = 1000;

using Groups = std::map<std::string, std::vector<std::span<const float>>>;

void add_histograms(Summary& summary, const std::string& prefix, const Groups& groups,
                    float scale) {
  for (const auto& [name, parts] : groups) {
    summary.histogram(prefix + name, histogram_of(parts, scale));
  }
}

/// Keys that are not as they are if not given, which tell runs from each other.
std::vector<std::pair<std::string, std::string>> settings_of(const Config& config) {
  Config given = config, unset = unset_config();
  const Schema ours = schema_of(given), plain = schema_of(unset);
  std::vector<std::pair<std::string, std::string>> settings;
  for (std::size_t i = 0; i < ours.keys.size(); ++i) {
    std::string text = ours.keys[i].write();
    if (text != plain.keys[i].write()) settings.emplace_back(ours.keys[i].path, std::move(text));
  }
  return settings;
}

}  // namespace

RunEvents::RunEvents(const std::filesystem::path& folder, const Config& config, std::int64_t step,
                     const Dataset& training, const Dataset& val)
    : config_(config),
      training_(training),
      val_(val),
      task_(make_task(config.task, config.model)),
      file_(folder, step) {
  Summary summary;
  summary.text("config", fmt::format("```yaml\n{}```\n", to_yaml(config)));
  summary.hyperparameters(settings_of(config));
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
  if (batch.index == 0) {
    drawn_.clear();
    drawn_names_.clear();
    confusion_.clear();
    worst_.clear();
  }
  if (task_->targets() == TargetKind::kClass) {
    count_answers(outputs.front(), batch);
    worst_.add(outputs.front(), batch, normalization_of(config_.data));
  }
  draw(outputs, batch);
}

void RunEvents::draw(std::span<const Tensor> outputs, const Batch& batch) {
  const Normalization normalization = normalization_of(config_.data);
  for (std::int64_t i = 0; i < batch.size() && drawn_.size() < columns_ * kDrawn; ++i) {
    const Image photo = pixels_of(batch, i, normalization);
    const std::vector<Image> drawn = task_->draw(photo, outputs, batch, i, normalization);
    if (drawn.empty()) return;
    const std::string place = fmt::to_string(drawn_names_.size() + 1);
    columns_ = drawn.size();
    for (const Image& image : drawn) {
      drawn_.push_back(report::picture_of(image.pixels, image.shape));
    }
    drawn_names_.push_back({place, val_.sample_name(batch.samples[static_cast<std::size_t>(i)]),
                            target_text(batch, i, val_)});
  }
}

void RunEvents::count_answers(const Tensor& logits, const Batch& batch) {
  const auto classes = static_cast<std::size_t>(config_.model.num_classes);
  if (classes > kMostClasses) return;
  confusion_.resize(classes * classes);
  const std::span<const float> values = logits.span();
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    const auto row = values.subspan(i * classes, classes);
    const auto answer = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    const auto label = static_cast<std::size_t>(batch.labels.span<std::int32_t>()[i]);
    if (label < classes) confusion_[label * classes + answer] += 1.0f;
  }
}

report::Picture RunEvents::confusion() const {
  const std::int64_t classes = config_.model.num_classes;
  std::vector<float> shares = confusion_;
  for (std::int64_t k = 0; k < classes; ++k) {
    const auto row = std::span(shares).subspan(static_cast<std::size_t>(k * classes),
                                               static_cast<std::size_t>(classes));
    const float sum = std::accumulate(row.begin(), row.end(), 0.0f);
    for (float& value : row) value /= std::max(sum, 1.0f);
  }
  const Picture plain = report::picture_of(shares, classes, 1.0, report::strength_color);
  return report::mosaic(std::span(&plain, 1), 1, 640);
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
  if (!confusion_.empty()) add_picture(summary, "images/confusion", confusion());
  if (!worst_.empty()) {
    add_picture(summary, "images/mistakes", worst_.picture());
    summary.text("names/mistakes", worst_.table(val_));
  }
  if (!drawn_.empty()) {
    const auto columns = static_cast<std::int64_t>(columns_);
    add_picture(summary, "images/val", report::mosaic(drawn_, columns, 640));
    summary.text("names/val", table_text({"row", "image", "shows"}, drawn_names_));
  }
  file_.append(record.step, summary);
}

void RunEvents::add_batch(std::int64_t step, const Batch& batch) {
  constexpr std::int64_t kMost = 32, kColumns = 8, kWidth = 640;
  const Normalization normalization = normalization_of(config_.data);
  std::vector<Picture> tiles;
  std::vector<std::vector<std::string>> names;
  for (std::int64_t i = 0; i < std::min(kMost, batch.images.dim(0)); ++i) {
    const Image image = pixels_of(batch, i, normalization);
    tiles.push_back(report::picture_of(image.pixels, image.shape));
    names.push_back({place_text(names.size(), kColumns),
                     training_.sample_name(batch.samples[static_cast<std::size_t>(i)]),
                     target_text(batch, i, training_)});
  }
  Summary summary;
  add_picture(summary, "images/batch", report::mosaic(tiles, kColumns, kWidth));
  summary.text("names/batch", table_text({"row, column", "image", "shows"}, names));
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
