#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/sections.h"

namespace tessera::report {
namespace {

constexpr std::size_t kBuckets = 120;

/// `value(update)` of each update.
template <typename Value>
Series training(const RunRecord& record, double unit, const Value& value) {
  std::vector<Point> points;
  for (const UpdateRecord& update : record.updates) {
    points.push_back({static_cast<double>(update.step) / unit, value(update)});
  }
  Series series = condensed(points, kBuckets);
  series.name = "training";
  series.color = "faint";
  return series;
}

Series training_metric(const RunRecord& record, double unit, const std::string& name) {
  return training(record, unit, [&](const UpdateRecord& update) {
    return update.metrics.value("train/" + name);
  });
}

Series validation(const RunRecord& record, double unit, const std::string& name) {
  Series series{.name = "validation", .color = "s0", .kind = Series::Kind::kLineAndDots};
  for (const EvaluationRecord& evaluation : record.evaluations) {
    series.points.push_back(
        {static_cast<double>(evaluation.step) / unit, evaluation.metrics.value("val/" + name)});
  }
  return series;
}

/// The end of an axis of shares from below: what comes after the first eighth of a run fills it,
/// and the steep start may begin below it.
std::optional<double> low_end(const std::vector<Series>& all, double last) {
  constexpr double kStart = 0.125, kStep = 0.1;
  double low = 1.0;
  for (const Series& series : all) {
    for (const Point& point : series.points) {
      if (point.x >= kStart * last && point.y < low) low = point.y;
    }
  }
  const double end = kStep * std::floor(low / kStep + 1e-9);
  return end >= kStep && end < 1.0 ? std::optional(end) : std::nullopt;
}

/// What the validation loss is of.
std::string validation_loss_note(TaskName task) {
  const std::string measured =
      ", measured after an epoch, with averaged weights if the run keeps any.";
  switch (task) {
    case TaskName::kClassification:
      break;
    case TaskName::kSegmentation:
      return "On the validation images it is the mean cross entropy of the pixels that count, "
             "without the auxiliary head" +
             measured;
    case TaskName::kDetection:
      return "The sum of the losses of the head: of classes, boxes and, of FCOS, centre-ness" +
             measured;
    case TaskName::kSimmim:
      return "Mean distance of hidden pixels from the normalised images" + measured;
  }
  return "On the validation images it is the cross entropy without label smoothing" + measured;
}

std::string main_metric_note(TaskName task) {
  switch (task) {
    case TaskName::kClassification:
      break;
    case TaskName::kSegmentation:
      return "Mean over the classes of the validation images: of the pixels that are or were taken "
             "for a class, the share that is both.";
    case TaskName::kDetection:
      return "COCO's average precision on the validation images: mean over classes and over "
             "overlaps from 0.5 to 0.95.";
    case TaskName::kSimmim:
      return "Share of the variance of hidden pixels that is explained: 0 is one colour "
             "everywhere.";
  }
  return "Share of images whose most probable class is theirs; in training while they are "
         "augmented and before the update they lead to.";
}

}  // namespace

bool is_binary(const RunRecord& record) {
  return record.config.task.loss.name == LossName::kBinaryCrossEntropy;
}

/// What the loss that is trained on is, and why it may not be that of the validation.
std::string loss_note(const RunRecord& record) {
  const LossConfig& loss = record.config.task.loss;
  std::string note = is_binary(record)
                         ? " The training loss is the binary cross entropy, a mean over classes: "
                           "it has an axis of its own."
                         : "";
  if (loss.label_smoothing > 0.0) {
    note +=
        fmt::format(" The training loss includes label smoothing of {:g}.", loss.label_smoothing);
  }
  if (record.config.data.augment.mixes()) {
    note +=
        " Mixed images are learned by both of their labels, and count as right by that of the "
        "larger share.";
  }
  return note;
}

Curves curves_of(const RunRecord& record) {
  const std::int64_t epoch = record.steps_per_epoch();
  const double unit = epoch > 0 ? static_cast<double>(epoch) : 1.0;
  const AxisConfig x{.label = epoch > 0 ? "epoch" : "update",
                     .tight = true,
                     .low = 0.0,
                     .high = static_cast<double>(record.step()) / unit};
  Curves curves;
  curves.loss = {
      .title = "Loss",
      .x = x,
      .y = {.low = 0.0},
      .series = {training_metric(record, unit, "loss"), validation(record, unit, "loss")}};
  if (is_binary(record)) {
    curves.training_loss = curves.loss;
    curves.training_loss->title = "Training loss (binary cross entropy)";
    curves.training_loss->series.pop_back();
    curves.loss.title = "Validation loss (cross entropy)";
    curves.loss.series.erase(curves.loss.series.begin());
  }
  const std::string main = main_metric(record.config);
  curves.main = {.title = sentence_case(title_of_metric(main)),
                 .x = x,
                 .y = {.unit = Unit::kPercent, .high = 1.0},
                 .series = {training_metric(record, unit, main), validation(record, unit, main)}};
  const std::string& chosen = record.config.train.best_by;
  if (chosen != main && named_metric(chosen, 0.0).format == MetricFormat::kShare) {
    curves.main.series.push_back(validation(record, unit, chosen));
    curves.main.series.back().name = title_of_metric(chosen) + " (best by)";
    curves.main.series.back().color = "s1";
  }
  std::erase_if(curves.main.series, [](const Series& series) {  // not every task measures it twice
    return std::ranges::none_of(series.points, [](const Point& p) { return std::isfinite(p.y); });
  });
  curves.main.y.low = low_end(curves.main.series, x.high.value_or(0.0));
  curves.learning_rate = {
      .title = "Learning rate",
      .x = x,
      .y = {.low = 0.0},
      .series = {training(record, unit, [](const UpdateRecord& u) { return u.lr; })}};
  curves.gradient_norm = {
      .title = "Gradient norm",
      .x = x,
      .y = {.low = 0.0},
      .series = {training(record, unit, [](const UpdateRecord& u) { return u.grad_norm; })}};
  for (Series& series : curves.learning_rate.series) {
    series.name = "rate";
    series.color = "s2";
    series.spread.clear();
  }
  for (Series& series : curves.gradient_norm.series) series.name = "before clipping";
  return curves;
}

std::optional<Section> curves_section(const RunRecord& record) {
  if (record.updates.empty()) return std::nullopt;
  Section section{"curves", "Training", "", {}};
  const std::size_t bucket = (record.updates.size() + kBuckets - 1) / kBuckets;
  section.lead = fmt::format("{} updates of {} images.", count_text(record.step()),
                             record.config.data.batch_size * record.config.data.accumulate);
  if (bucket > 1) {
    section.lead += fmt::format(
        " Grey lines are means over {} updates; the band around them holds the middle 80\u00a0% of "
        "these.",
        bucket);
  }
  section.lead += loss_note(record);
  const Curves curves = curves_of(record);
  Markup& html = section.body;
  html.open("div", {{"class", "figures"}});
  if (curves.training_loss) {
    add_figure(html, draw(*curves.training_loss), "What the updates make smaller.");
  }
  add_figure(html, draw(curves.loss), validation_loss_note(record.config.task.name));
  add_figure(html, draw(curves.main), main_metric_note(record.config.task.name));
  add_figure(html, draw(curves.learning_rate), "What the schedule gave to each update.");
  add_figure(html, draw(curves.gradient_norm),
             record.config.optim.clip_norm > 0.0
                 ? fmt::format("Length of the gradient of all parameters together; longer ones "
                               "than {:g} were cut to that.",
                               record.config.optim.clip_norm)
                 : "Length of the gradient of all parameters together.");
  html.close();
  return section;
}

}  // namespace tessera::report
