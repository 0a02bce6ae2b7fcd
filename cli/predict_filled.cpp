#include <fmt/core.h>

#include <utility>

#include "cli/predict.h"
#include "core/error.h"
#include "core/text.h"
#include "data/images/canvas.h"
#include "data/preview.h"
#include "data/sets/table_file.h"
#include "layers/mask_token.h"
#include "tasks/simmim/simmim.h"

namespace tessera {
namespace {

/// Pictures of one size side by side.
Image side_by_side(const std::vector<Image>& pictures) {
  const ImageShape& one = pictures.front().shape;
  const auto count = static_cast<std::int64_t>(pictures.size());
  Canvas canvas(one.height, count * one.width, Color{});
  for (std::int64_t i = 0; i < count; ++i) {
    canvas.draw(0, i * one.width, pictures[static_cast<std::size_t>(i)]);
  }
  return canvas.image();
}

class FilledPredictions final : public Predictions {
 public:
  FilledPredictions(const Config& config, const PredictOptions& options)
      : task_(config.model),
        side_(mask_side(config.model)),
        normalization_(normalization_of(config.data)),
        is_csv_(options.format == "csv"),
        pictures_(options.out) {
    if (options.format.starts_with("json")) records_.emplace(options.format == "jsonl");
    if (is_csv_) fmt::print("image,picture,loss\n");
  }

  void write(const Photo& photo, std::span<const Tensor> outputs) override {
    Batch batch;
    batch.images = photo.input;
    FillingMeter meter(side_);
    meter.add(outputs, batch);
    const double loss = meter.values().value("loss");
    const Image seen = pixels_of(batch, 0, normalization_);
    const std::string path =
        pictures_.save(pictures_.name_of(photo.file),
                       side_by_side(task_.draw(seen, outputs, batch, 0, normalization_)));
    if (records_) {
      return records_->write({{"image", photo.file.name}, {"picture", path}, {"loss", loss}});
    }
    if (is_csv_) {
      fmt::print("{},{},{:.6f}\n", csv_field(photo.file.name), csv_field(path), loss);
    } else {
      fmt::print("loss {:.4f}  {}\n", loss, shown(photo.file.name));
    }
  }

  void write_problem(const Photo& photo) override {
    if (records_) records_->write({{"image", photo.file.name}, {"error", photo.problem}});
  }

  void finish() override {
    if (records_) records_->finish();
  }

 private:
  Simmim task_;
  std::int64_t side_;
  Normalization normalization_;
  bool is_csv_;
  std::optional<JsonRecords> records_;
  PictureFolder pictures_;
};

}  // namespace

std::unique_ptr<Predictions> make_filled_predictions(const Config& config,
                                                     const PredictOptions& options) {
  if (options.out.empty()) {
    fail<ConfigError>(
        "predict: the model fills in what is hidden of a photo; --out FOLDER says where the "
        "pictures go");
  }
  if (!options.copy_to.empty() || options.top > 0 || options.threshold > 0.0 ||
      !options.ids.empty()) {
    fail<ConfigError>(
        "--copy-to, --top, --threshold, --ids: are not for models that fill images in");
  }
  return std::make_unique<FilledPredictions>(config, options);
}

}  // namespace tessera
