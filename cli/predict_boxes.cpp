#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "cli/predict.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "data/dataset_info.h"
#include "data/sets/coco_json.h"
#include "data/sets/table_file.h"
#include "data/target_picture.h"
#include "files/file.h"
#include "tasks/detection/meter.h"
#include "tasks/detection/pictures.h"
#include "train/readable.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr double kShown = 0.3;                           // least score, where none is given
constexpr std::size_t kMaxBytes = std::size_t{1} << 30;  // of a file of annotations

using Found = std::vector<Detection>;

/// What photos and classes are called by number: as in a file of annotations, or from 1 on.
class CocoIds {
 public:
  CocoIds(const std::string& path, const std::vector<std::string>& classes) : path_(path) {
    if (path.empty()) {
      for (std::size_t k = 0; k < classes.size(); ++k)
        categories_.push_back(std::ssize(categories_) + 1);
      return;
    }
    for (CocoImage& image : (file_ = parse_coco(read_file(path, kMaxBytes), shown(path))).images) {
      by_name_[fs::path(image.file_name).filename().string()].push_back(&image);
    }
    for (const std::string& name : classes) {
      const auto found = std::ranges::find(file_.categories, name, &CocoCategory::name);
      if (found == file_.categories.end()) {
        fail<DataError>("--ids {}: no category is called {}, as a class of the model is",
                        shown(path), quoted(name));
      }
      categories_.push_back(found->id);
    }
  }

  std::int64_t category(std::int32_t label) const {
    return categories_[static_cast<std::size_t>(label)];
  }

  /// Of the next photo. Throws DataError if the file has none or several of that name.
  std::int64_t image(const PhotoFile& photo) {
    if (path_.empty()) return ++counted_;
    const auto found = by_name_.find(fs::path(photo.name).filename().string());
    std::vector<const CocoImage*> images;
    if (found != by_name_.end()) images = found->second;
    if (images.size() > 1) {
      std::erase_if(images, [&](const CocoImage* image) {
        return photo.name != image->file_name && !photo.name.ends_with("/" + image->file_name);
      });
    }
    if (images.size() != 1) {
      fail<DataError>("--ids {}: {} of its images are called {}, not one", shown(path_),
                      images.size(), quoted(photo.name));
    }
    return images.front()->id;
  }

 private:
  std::string path_;
  CocoFile file_;
  std::map<std::string, std::vector<const CocoImage*>> by_name_;
  std::vector<std::int64_t> categories_;
  std::int64_t counted_ = 0;
};

/// A folder with `drawn/`, the photos with their boxes, and two files in COCO's format:
/// `detections.json`, results as `tessera score` and pycocotools take them, and
/// `annotations.json`, a data set to look through and correct.
class BoxFolder {
 public:
  BoxFolder(const PredictOptions& options, const std::vector<std::string>& names)
      : names_(names), pictures_(options.out), ids_(options.ids, names) {}

  void add(const Photo& photo, const Found& found) {
    const std::int64_t id = ids_.image(photo.file);
    const fs::path name = pictures_.name_of(photo.file);
    pictures_.save("drawn" / name, with_detections(in_colors(photo.image), found, names_));
    images_.push_back({{"id", id},
                       {"file_name", photo.file.path.empty() ? photo.file.name : photo.file.path},
                       {"width", photo.image.shape.width},
                       {"height", photo.image.shape.height}});
    for (const Detection& one : found) {
      const BoxXywh box = coco_detection(one).box;
      Json result = {{"image_id", id},
                     {"category_id", ids_.category(one.label)},
                     {"bbox", {box.x, box.y, box.width, box.height}},
                     {"score", one.score}};
      detections_.push_back(result);
      result["id"] = detections_.size();
      result["area"] = box.width * box.height;
      result["iscrowd"] = 0;
      annotations_.push_back(std::move(result));
    }
  }

  void finish() const {
    Json categories = Json::array();
    for (std::size_t k = 0; k < names_.size(); ++k) {
      categories.push_back(
          {{"id", ids_.category(static_cast<std::int32_t>(k))}, {"name", names_[k]}});
    }
    const fs::path& root = pictures_.root();
    write_atomically(root / "detections.json", json_text(detections_) + "\n");
    write_atomically(root / "annotations.json", json_text({{"images", images_},
                                                           {"annotations", annotations_},
                                                           {"categories", categories}}) +
                                                    "\n");
  }

 private:
  const std::vector<std::string>& names_;
  PictureFolder pictures_;
  CocoIds ids_;
  Json images_ = Json::array();
  Json annotations_ = Json::array();
  Json detections_ = Json::array();
};

/// The boxes of a photo, in its own pixels, the surest first.
class BoxPredictions final : public Predictions {
 public:
  BoxPredictions(const Config& config, const PredictOptions& options)
      : model_(config.model),
        names_(class_names_up_to(config.model.num_classes, dataset_info(config.data).class_names)),
        threshold_(options.threshold >= 0.0 ? options.threshold : kShown),
        format_(options.format),
        records_(options.format == "jsonl") {
    if (!options.out.empty()) folder_.emplace(options, names_);
    if (options.top > 0) most_ = static_cast<std::size_t>(options.top);
    if (format_ == "csv") fmt::print("image,class,score,x0,y0,x1,y1\n");
  }

  bool needs_pixels() const override { return true; }

  void write(const Photo& photo, std::span<const Tensor> outputs) override {
    const Found found = boxes_of(photo, outputs);
    if (folder_) folder_->add(photo, found);
    if (format_ == "csv") return write_csv(photo.file.name, found);
    if (format_.starts_with("json")) return write_json(photo, found);
    fmt::print("{}\n", shown(photo.file.name));
    for (const Detection& one : found) {
      fmt::print("  {:>5.3f}  {}  {:.0f}, {:.0f} to {:.0f}, {:.0f}\n", one.score, name_of(one),
                 one.x0, one.y0, one.x1, one.y1);
    }
    if (found.empty()) fmt::print("      -  nothing\n");
  }

  void write_problem(const Photo& photo) override {
    if (!format_.starts_with("json")) return;
    records_.write({{"image", photo.file.name}, {"error", photo.problem}});
  }

  void finish() override {
    if (format_.starts_with("json")) records_.finish();
    if (folder_) folder_->finish();
  }

 private:
  const std::string& name_of(const Detection& one) const {
    return names_[static_cast<std::size_t>(one.label)];
  }

  Found boxes_of(const Photo& photo, std::span<const Tensor> outputs) const {
    const Size2 size{photo.input.dim(1), photo.input.dim(2)};
    Found found = detections_of(model_, outputs, 0, size, size);
    std::erase_if(found, [this](const Detection& one) { return double{one.score} < threshold_; });
    found.resize(std::min(found.size(), most_));
    scale(found, size, photo.image.shape);
    return found;
  }

  void write_csv(const std::string& photo, const Found& found) const {
    for (const Detection& one : found) {
      fmt::print("{},{},{:.6f},{:.2f},{:.2f},{:.2f},{:.2f}\n", csv_field(photo),
                 csv_field(name_of(one)), one.score, one.x0, one.y0, one.x1, one.y1);
    }
  }

  void write_json(const Photo& photo, const Found& found) {
    Json boxes = Json::array();
    for (const Detection& one : found) {
      boxes.push_back({{"class", name_of(one)},
                       {"score", one.score},
                       {"box", {one.x0, one.y0, one.x1, one.y1}}});
    }
    records_.write({{"image", photo.file.name},
                    {"width", photo.image.shape.width},
                    {"height", photo.image.shape.height},
                    {"boxes", boxes}});
  }

  ModelConfig model_;
  std::vector<std::string> names_;
  double threshold_;
  std::string format_;
  JsonRecords records_;
  std::optional<BoxFolder> folder_;
  std::size_t most_ = static_cast<std::size_t>(-1);
};

}  // namespace

std::unique_ptr<Predictions> make_box_predictions(const Config& config,
                                                  const PredictOptions& options) {
  if (!options.copy_to.empty()) {
    fail<ConfigError>(
        "--copy-to: a photo with boxes has no class of its own; --out FOLDER draws the boxes");
  }
  if (!options.ids.empty() && options.out.empty()) {
    fail<ConfigError>("--ids: is for the files of --out FOLDER");
  }
  return std::make_unique<BoxPredictions>(config, options);
}

}  // namespace tessera
