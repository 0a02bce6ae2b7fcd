#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/predict.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "data/dataset_info.h"
#include "data/sets/table_file.h"
#include "data/target_picture.h"
#include "tasks/segmentation/meter.h"
#include "train/readable.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct ClassShare {
  std::size_t label = 0;
  double share = 0.0;  ///< of the photo's pixels
};

/// Those that the mask has, the largest first.
std::vector<ClassShare> shares_of(const Mask& mask, std::size_t classes) {
  std::vector<std::size_t> counts(classes, 0);
  for (const std::uint8_t value : mask.classes) ++counts[value];
  std::vector<ClassShare> shares;
  for (std::size_t k = 0; k < classes; ++k) {
    if (counts[k] == 0) continue;
    shares.push_back(
        {k, static_cast<double>(counts[k]) / static_cast<double>(mask.classes.size())});
  }
  std::stable_sort(shares.begin(), shares.end(),
                   [](const ClassShare& a, const ClassShare& b) { return a.share > b.share; });
  return shares;
}

/// A folder with the masks of photos three times over: `masks/` of class numbers, `colors/` in the
/// colours of the classes, `overlays/` on the photo. `classes.csv` has numbers, names and colours.
class MaskFolder {
 public:
  MaskFolder(const std::string& root, const std::vector<std::string>& names) : pictures_(root) {
    std::string table = "index,class,color\n";
    for (std::size_t k = 0; k < names.size(); ++k) {
      const Color color = class_color(static_cast<std::int64_t>(k));
      table += fmt::format("{},{},#{:02x}{:02x}{:02x}\n", k, csv_field(names[k]), color[0],
                           color[1], color[2]);
    }
    write_atomically(pictures_.root() / "classes.csv", table);
  }

  /// Gives the path of the mask.
  std::string write(const Photo& photo, const Mask& mask) {
    const fs::path name = pictures_.name_of(photo.file);
    const Image colors = in_colors(photo.image);
    pictures_.save("overlays" / name, with_mask(colors, mask));
    pictures_.save("colors" / name, with_mask(colors, mask, 1.0));
    return pictures_.save("masks" / name, Image{{mask.height, mask.width, 1}, mask.classes});
  }

 private:
  PictureFolder pictures_;
};

class MaskPredictions final : public Predictions {
 public:
  MaskPredictions(const Config& config, const PredictOptions& options)
      : names_(class_names_up_to(config.model.num_classes, dataset_info(config.data).class_names)),
        is_csv_(options.format == "csv"),
        folder_(options.out, names_) {
    if (options.format.starts_with("json")) records_.emplace(options.format == "jsonl");
    if (!is_csv_) return;
    std::string line = "image,mask";
    for (const std::string& name : names_) line += fmt::format(",{}", csv_field(name));
    fmt::print("{}\n", line);
  }

  bool needs_pixels() const override { return true; }

  void write(const Photo& photo, std::span<const Tensor> outputs) override {
    const ImageShape& shape = photo.image.shape;
    const Mask mask = predicted_mask(outputs.front(), photo.input, {shape.height, shape.width});
    const std::string path = folder_.write(photo, mask);
    const std::vector<ClassShare> shares = shares_of(mask, names_.size());
    if (records_) return records_->write(record_of(photo, path, shares));
    fmt::print("{}\n", is_csv_ ? csv_of(photo, path, shares) : line_of(photo, shares));
  }

  void write_problem(const Photo& photo) override {
    if (records_) records_->write({{"image", photo.file.name}, {"error", photo.problem}});
  }

  void finish() override {
    if (records_) records_->finish();
  }

 private:
  Json record_of(const Photo& photo, const std::string& path,
                 const std::vector<ClassShare>& shares) const {
    Json classes = Json::array();
    for (const ClassShare& one : shares) {
      classes.push_back({{"class", names_[one.label]}, {"share", one.share}});
    }
    return {{"image", photo.file.name}, {"mask", path}, {"classes", classes}};
  }

  std::string csv_of(const Photo& photo, const std::string& path,
                     const std::vector<ClassShare>& shares) const {
    std::vector<double> all(names_.size(), 0.0);
    for (const ClassShare& one : shares) all[one.label] = one.share;
    std::string line = fmt::format("{},{}", csv_field(photo.file.name), csv_field(path));
    for (const double share : all) line += fmt::format(",{:.6f}", share);
    return line;
  }

  /// The three largest classes, then the photo.
  std::string line_of(const Photo& photo, const std::vector<ClassShare>& shares) const {
    std::string line;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, shares.size()); ++i) {
      line += fmt::format("{:>5.1f} % {}  ", 100.0 * shares[i].share, names_[shares[i].label]);
    }
    return line + shown(photo.file.name);
  }

  std::vector<std::string> names_;
  bool is_csv_;
  std::optional<JsonRecords> records_;
  MaskFolder folder_;
};

}  // namespace

std::unique_ptr<Predictions> make_mask_predictions(const Config& config,
                                                   const PredictOptions& options) {
  if (options.out.empty()) {
    fail<ConfigError>(
        "predict: the model gives each pixel a class; --out FOLDER says where masks "
        "go");
  }
  if (!options.copy_to.empty() || options.top > 0 || options.threshold > 0.0 ||
      !options.ids.empty()) {
    fail<ConfigError>(
        "--copy-to, --top, --threshold, --ids: are not for models that give each pixel a class");
  }
  return std::make_unique<MaskPredictions>(config, options);
}

}  // namespace tessera
