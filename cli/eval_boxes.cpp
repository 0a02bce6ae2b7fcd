#include "cli/eval_boxes.h"

#include <fmt/core.h>

#include <filesystem>

#include "cli/box_scores.h"
#include "core/atomic_file.h"
#include "formats/json.h"
#include "tasks/detection/meter.h"
#include "train/evaluate.h"
#include "train/log.h"
#include "train/readable.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

std::vector<BoxClass> classes_of(const Dataset& dataset, std::int64_t count) {
  std::vector<BoxClass> classes;
  for (const std::string& name : class_names_up_to(count, dataset.class_names())) {
    const auto label = static_cast<std::int64_t>(classes.size());
    const bool known = label < dataset.num_classes();
    classes.push_back({known ? dataset.class_id(label) : label + 1, name});
  }
  return classes;
}

/// Truths and detections of a test as COCO writes them.
class CocoRecord {
 public:
  CocoRecord(const Dataset& dataset, std::vector<BoxClass> classes)
      : dataset_(dataset), classes_(std::move(classes)) {}

  void add(const Batch& batch, const std::vector<std::vector<Detection>>& detections) {
    for (std::size_t i = 0; i < detections.size(); ++i) {
      const std::int64_t id = dataset_.sample_id(batch.samples[i]);
      images_.push_back({{"id", id},
                         {"file_name", dataset_.sample_name(batch.samples[i])},
                         {"width", batch.original_sizes[i].width},
                         {"height", batch.original_sizes[i].height}});
      for (const Box& box : batch.originals[i].boxes) add_truth(id, box);
      for (const Detection& found : detections[i]) {
        const BoxXywh box = coco_detection(found).box;
        detections_.push_back({{"image_id", id},
                               {"category_id", category(found.label)},
                               {"bbox", {box.x, box.y, box.width, box.height}},
                               {"score", found.score}});
      }
    }
  }

  void write(const fs::path& folder) const {
    Json categories = Json::array();
    for (const BoxClass& one : classes_) {
      categories.push_back({{"id", one.id}, {"name", one.name}});
    }
    fs::create_directories(folder);
    write_atomically(folder / "truth.json", json_text({{"images", images_},
                                                       {"annotations", annotations_},
                                                       {"categories", categories}}) +
                                                "\n");
    write_atomically(folder / "detections.json", json_text(detections_) + "\n");
  }

 private:
  std::int64_t category(std::int32_t label) const {
    return classes_[static_cast<std::size_t>(label)].id;
  }

  void add_truth(std::int64_t image, const Box& truth) {
    const BoxXywh box = coco_truth(truth).box;
    annotations_.push_back({{"id", annotations_.size() + 1},
                            {"image_id", image},
                            {"category_id", category(truth.label)},
                            {"bbox", {box.x, box.y, box.width, box.height}},
                            {"area", truth.area},
                            {"iscrowd", truth.crowd ? 1 : 0}});
  }

  const Dataset& dataset_;
  std::vector<BoxClass> classes_;
  Json images_ = Json::array();
  Json annotations_ = Json::array();
  Json detections_ = Json::array();
};

}  // namespace

void eval_boxes(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset) {
  const ModelConfig& model = saved.config.model;
  const std::vector<BoxClass> classes = classes_of(dataset, model.num_classes);
  Loader loader(dataset, evaluation_options(saved.config.data));
  DetectionMeter meter(model);
  CocoRecord record(dataset, classes);
  const VisitBatch keep = [&](std::span<const Tensor>, const Batch& batch) {
    record.add(batch, meter.detections());
    return true;
  };
  evaluate(*saved.learner, loader, meter, options.predictions.empty() ? VisitBatch{} : keep);
  for (const std::string& warning : loader.take_warnings()) notice("{}", warning);
  if (!options.predictions.empty()) record.write(options.predictions);
  const CocoScores scores = meter.scores();
  if (options.json) {
    Json json = to_json(scores, meter.samples(), classes);
    json["loss"] = meter.values().value("loss");
    add_checkpoint(json, saved, meter, meter.samples());
    json["best_f1"] = to_json(meter.matches(), options.confusion);
    fmt::print("{}\n", json_text(json));
    return;
  }
  print_subject(options, saved, dataset, meter.samples());
  print(scores, meter.samples(), classes);
  print(meter.matches(), classes, options.confusion);
}

}  // namespace tessera
