#include <fmt/format.h>

#include <cmath>

#include "layers/stage_plan.h"
#include "report/matrix_plot.h"
#include "report/plot/drawing.h"
#include "report/report.h"
#include "report/sections.h"
#include "train/open_split.h"

namespace tessera::report {
namespace {

const char* model_name(const ModelConfig& model) {
  switch (model.name) {
    case ModelName::kSwinV2:
      return "Swin Transformer v2";
    case ModelName::kViT:
      return "Vision Transformer";
    case ModelName::kSwin:
      break;
  }
  return "Swin Transformer";
}

std::string lead_of(const RunRecord& record) {
  const ModelConfig& model = record.config.model;
  return fmt::format(
      "A {} for images of {} × {} pixels in patches of {} × {}{}, seed {}.", model_name(model),
      model.image_size[0], model.image_size[1], model.patch_size[0], model.patch_size[1],
      record.config.has_data ? ", trained on " + dataset_info(record.config.data).name : "",
      record.config.train.seed);
}

/// Half the width of the 95 % interval of a share of `samples`, by the normal approximation.
double half_interval(double share, double samples) {
  return 1.96 * std::sqrt(share * (1.0 - share) / samples);
}

void add_test_facts(std::vector<Fact>& facts, const RunView& view) {
  const ClassificationMeter& metrics = view.test->metrics;
  const auto samples = static_cast<double>(metrics.samples());
  facts.push_back(
      {"Test top-1", number_text(metrics.top1(), Unit::kPercent, 2),
       fmt::format("± {:.2f}, of {} images", 100.0 * half_interval(metrics.top1(), samples),
                   count_text(metrics.samples()))});
  if (metrics.num_classes() > 5) {
    facts.push_back({"Test top-5", number_text(metrics.top5(), Unit::kPercent, 2), ""});
  }
  facts.push_back({"Test loss", fmt::format("{:.4f}", metrics.loss()), "cross entropy"});
  facts.push_back({"Calibration error", number_text(metrics.calibration_error(), Unit::kPercent, 2),
                   "ECE, 15 bins"});
}

void add_mask_facts(std::vector<Fact>& facts, const MaskResult& masks) {
  const Metrics metrics = masks.meter.values();
  const auto add = [&](const char* name, const char* metric, std::string note) {
    facts.push_back({name, number_text(metrics.value(metric), Unit::kPercent, 2), std::move(note)});
  };
  add("Test mIoU", "miou", fmt::format("of {} images", count_text(masks.meter.samples())));
  add("Test pixel accuracy", "aacc", "");
  add("Test boundary IoU", "boundary_iou", "within 3 pixels of borders");
  facts.push_back({"Test loss", fmt::format("{:.4f}", metrics.value("loss")), "cross entropy"});
}

void add_box_facts(std::vector<Fact>& facts, const BoxResult& boxes) {
  const Metrics metrics = boxes.meter.values();
  const auto add = [&](const char* name, const char* metric, std::string note) {
    facts.push_back({name, number_text(metrics.value(metric), Unit::kPercent, 2), std::move(note)});
  };
  add("Test AP50", "ap50", fmt::format("of {} images", count_text(boxes.meter.samples())));
  add("Test AP", "ap", "overlaps 0.5 to 0.95");
  add("Test AP75", "ap75", "");
}

void add_filled_facts(std::vector<Fact>& facts, const FilledResult& filled) {
  const Metrics metrics = filled.meter.values();
  facts.push_back({"Test loss", fmt::format("{:.4f}", metrics.value("loss")),
                   fmt::format("hidden pixels of {} images", count_text(filled.meter.samples()))});
  facts.push_back({"Explained", number_text(metrics.value("explained"), Unit::kPercent, 2),
                   "of the variance of hidden pixels"});
}

std::vector<Fact> facts_of(const RunView& view) {
  const RunRecord& record = view.record;
  std::vector<Fact> facts;
  if (view.test) add_test_facts(facts, view);
  if (view.masks) add_mask_facts(facts, *view.masks);
  if (view.boxes) add_box_facts(facts, *view.boxes);
  if (view.filled) add_filled_facts(facts, *view.filled);
  if (view.saved) {
    const std::int64_t count = view.saved->learner->model().parameters.count();
    facts.push_back({"Parameters", number_text(static_cast<double>(count), Unit::kCount, 3),
                     count_text(count)});
  }
  facts.push_back(
      {"MACs an image",
       number_text(static_cast<double>(plan_model(record.config.model).macs()), Unit::kCount, 3),
       "forwards"});
  if (!record.timing.empty()) {
    facts.push_back({"Trained for", duration_with_unit(record.train_seconds()),
                     fmt::format("{} {}, {} images/s", record.timing.back().epoch,
                                 record.timing.back().epoch == 1 ? "epoch" : "epochs",
                                 number_text(record.images_per_s(), Unit::kCount, 3))});
    if (record.peak_memory_mb() > 0.0) {
      facts.push_back({"Memory", fmt::format("{:.0f}\u00a0MB", record.peak_memory_mb()),
                       "at the peak of training"});
    }
  }
  return facts;
}

std::string progress_notice(const RunView& view) {
  const RunRecord& record = view.record;
  std::string text = fmt::format(
      "This run is not finished: update {}, epoch {} of {}.", record.step(),
      record.updates.empty() ? 0 : record.updates.back().epoch, record.config.train.epochs);
  if (view.saved) {
    text += fmt::format(" What needs weights shows the checkpoint of update {}.",
                        view.saved->meta.step);
  }
  return text;
}

}  // namespace

Page run_page(RunView& view) {
  Page page{view.record.name, lead_of(view.record), view.notices, facts_of(view), {}};
  if (const std::string notice = validation_notice(view.record.config); !notice.empty()) {
    page.notices.push_back(sentence_case(notice) + ".");
  }
  if (!view.record.finished()) page.notices.insert(page.notices.begin(), progress_notice(view));
  for (std::optional<Section> section :
       {curves_section(view.record), mistakes_section(view), classes_section(view),
        calibration_section(view), masks_section(view), mask_classes_section(view),
        boxes_section(view), box_classes_section(view), filled_section(view),
        class_maps_section(view), attention_section(view), filters_section(view),
        receptive_field_section(view), translation_section(view), position_section(view),
        cost_section(view), setup_section(view.record)}) {
    if (section) page.sections.push_back(std::move(*section));
  }
  return page;
}

std::string run_picture(const RunView& view) {
  const Curves curves = curves_of(view.record);
  std::vector<PlacedDrawing> drawings = {{0.0, 0.0, draw(curves.loss)},
                                         {0.0, curves.loss.height, draw(curves.main)}};
  if (view.masks) {
    drawings.push_back({curves.loss.width + 16.0, 0.0,
                        draw_confusion(view.masks->meter.confusion().counts(), view.class_names,
                                       MatrixNumbers::kPercent)});
  }
  if (curves.training_loss) {
    drawings.push_back({0.0, curves.loss.height + curves.main.height, draw(*curves.training_loss)});
  }
  if (view.test) {
    drawings.push_back({curves.loss.width + 16.0, 0.0,
                        draw_confusion(view.test->metrics.confusion(), view.class_names)});
  }
  return drawing_file(drawings);
}

}  // namespace tessera::report
