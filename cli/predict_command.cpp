#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/predict.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/profile.h"
#include "train/log.h"
#include "train/model_input.h"
#include "train/readable.h"
#include "train/saved_model.h"
#include "train/training_log.h"

namespace tessera {
namespace {

constexpr std::size_t kBatch = 32;

/// The one place that knows which task writes what.
std::unique_ptr<Predictions> make_predictions(const Config& config, const PredictOptions& options) {
  switch (config.task.name) {
    case TaskName::kSegmentation:
      return make_mask_predictions(config, options);
    case TaskName::kDetection:
      return make_box_predictions(config, options);
    case TaskName::kSimmim:
      return make_filled_predictions(config, options);
    case TaskName::kClassification:
      break;
  }
  if (!options.out.empty() || !options.ids.empty()) {
    fail<ConfigError>("--out and --ids are for models that give each pixel a class, or boxes");
  }
  return make_class_predictions(config, options);
}

/// How far it has come, on a terminal that shows nothing else meanwhile; and what it came to.
class PredictProgress {
 public:
  PredictProgress() : start_(seconds_now()), draws_(isatty(STDOUT_FILENO) == 0) {}

  void count(bool is_broken) {
    ++done_;
    if (is_broken) ++broken_;
  }

  void show(std::int64_t total) {
    const double passed = seconds_now() - start_;
    if (!draws_ || !log_.is_terminal() || passed - last_ < kRedrawSeconds) return;
    last_ = passed;
    const auto done = static_cast<double>(done_);
    std::string line = fmt::format("{} photos, {:.1f} images/s", done_, done / passed);
    if (total >= 0) {
      const double left = passed / done * static_cast<double>(total - done_);
      line = fmt::format("{}/{} photos, {:.1f} images/s, {} left", done_, total, done / passed,
                         duration_text(left));
      line.insert(0, progress_bar(done / static_cast<double>(total),
                                  Log::columns() - static_cast<int>(line.size())));
    }
    log_.status(line);
  }

  /// Of a few photos there is nothing to sum up.
  void finish() {
    constexpr std::int64_t kFew = 16;
    log_.status({});
    if (done_ <= kFew) return;
    const double passed = seconds_now() - start_;
    log_.info("{} in {:.1f} s: {:.1f} images/s{}", plural(done_, "photo"), passed,
              static_cast<double>(done_) / passed,
              broken_ > 0 ? fmt::format("; {} could not be read", broken_) : "");
  }

  void tell(const std::string& line) { log_.info("{}", line); }
  std::int64_t broken() const { return broken_; }

 private:
  Log log_;
  double start_;
  bool draws_;
  double last_ = 0.0;
  std::int64_t done_ = 0;
  std::int64_t broken_ = 0;
};

/// Photos whose inputs have one size go through the model together.
void predict_batch(Learner& learner, std::span<Photo> photos, Predictions& predictions) {
  const Shape one = photos.front().input.shape();
  const auto count = static_cast<std::int64_t>(photos.size());
  const Tensor images = Tensor::empty({count, one[1], one[2], one[3]});  // [B, H, W, C]
  for (std::int64_t i = 0; i < count; ++i) {
    images.slice(i * one.numel(), one).copy_from(photos[static_cast<std::size_t>(i)].input);
  }
  const std::vector<Tensor> outputs = learner.outputs(images);
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<Tensor> own;
    for (const Tensor& output : outputs) {
      std::vector<std::int64_t> sides(1, 1);
      for (int axis = 1; axis < output.rank(); ++axis) sides.push_back(output.dim(axis));
      const Shape shape{std::span<const std::int64_t>(sides)};
      own.push_back(output.slice(i * shape.numel(), shape));
    }
    predictions.write(photos[static_cast<std::size_t>(i)], own);
  }
}

/// What was read and what was not, in the order in which it was given.
void answer(Learner& learner, std::vector<Photo>& photos, Predictions& predictions,
            PredictProgress& progress) {
  for (std::size_t begin = 0; begin < photos.size();) {
    Photo& first = photos[begin];
    progress.count(!first.problem.empty());
    if (!first.problem.empty()) {
      progress.tell("tessera: " + first.problem);
      predictions.write_problem(first);
      ++begin;
      continue;
    }
    std::size_t end = begin + 1;
    for (; end < photos.size() && photos[end].problem.empty() &&
           photos[end].input.shape() == first.input.shape();
         ++end) {
      progress.count(false);
    }
    predict_batch(learner, std::span(photos).subspan(begin, end - begin), predictions);
    begin = end;
  }
  if (std::fflush(stdout) != 0) {
    fail<DataError>("standard output cannot be written: {}", std::strerror(errno));
  }
}

/// A file that cannot be read is one line, and an `error` of its own in JSON; the others go on.
int run(PredictOptions options) {
  if (options.photos.empty() && options.lists.empty()) {
    fail<ConfigError>("predict: no photos: name files, folders, archives, - or --list FILE");
  }
  const SavedModel saved = load_saved_model(options.path);
  options.one_photo = options.lists.empty() && options.photos.size() == 1 &&
                      options.photos.front() != "-" &&
                      std::filesystem::is_regular_file(options.photos.front()) &&
                      !options.photos.front().ends_with(".tar");
  const std::unique_ptr<Predictions> predictions = make_predictions(saved.config, options);
  const bool keeps_pixels = predictions->needs_pixels();
  PhotoInputs inputs(options.photos, options.lists);
  PhotoStream stream(inputs,
                     {.channels = saved.config.model.in_channels,
                      .at_least = keeps_pixels ? ImageSize{} : model_input_pixels(saved.config),
                      .workers = available_cpus(),
                      .ahead = keeps_pixels ? 8 : 3 * kBatch},
                     [&](Photo& photo) {
                       photo.input = model_input(photo.image, saved.config);
                       if (!keeps_pixels) photo.image = {};
                     });
  PredictProgress progress;
  for (;;) {
    std::vector<Photo> photos = stream.next(keeps_pixels ? 4 : kBatch);
    for (const std::string& note : stream.take_notes()) progress.tell(note);
    if (photos.empty()) break;
    answer(*saved.learner, photos, *predictions, progress);
    progress.show(stream.total());
  }
  predictions->finish();
  progress.finish();
  return progress.broken() > 0 ? kExitFailed : kExitOk;
}

}  // namespace

Action add_predict_command(Arguments& arguments) {
  auto options = std::make_shared<PredictOptions>();
  auto as_json = std::make_shared<bool>(false);
  arguments.add_option("path", options->path, "Run (its best checkpoint) or checkpoint folder")
      .required();
  arguments.add_option("photos", options->photos,
                       "JPEG, PNG, WebP or BMP files, folders of them, tar archives, patterns such "
                       "as '*.jpg'; -: names by standard input, one a line, or an image");
  arguments
      .add_option("--list", options->lists, "File with the name of a photo on each line; may be -")
      .repeated();
  const Argument format =
      arguments
          .add_option("--format", options->format,
                      "table, csv, jsonl (one JSON object a line) or json (an array)")
          .one_of({"table", "csv", "jsonl", "json"})
          .with_default();
  arguments.add_flag("--json", *as_json, "The same as --format json").excludes(format);
  arguments
      .add_option("--top", options->top,
                  "Classes to show; if not given 5 of one photo and in JSON, else 1")
      .between(1, 1000000);
  arguments
      .add_option("--threshold", options->threshold,
                  "Only answers of at least this probability; a photo without any is unsure. Of "
                  "boxes 0.3 if not given")
      .between(0.0, 1.0);
  arguments.add_option("--copy-to", options->copy_to,
                       "Copy each photo into this folder, below its class, or unsure");
  arguments.add_option(
      "--out", options->out,
      "Folder for masks: as class numbers, in colours and over the photo; for photos beside what "
      "was hidden of them and what was filled in; or for photos with their boxes drawn, "
      "detections.json and annotations.json in COCO's format");
  arguments.add_option("--ids", options->ids,
                       "COCO file whose ids of images, by their file names, and of categories "
                       "those two take; else they are numbered from 1");
  arguments.footer(
      "A file that cannot be read is named, the others are classified, and the exit code is 1.");
  return [options, as_json] {
    if (*as_json) options->format = "json";
    return run(*options);
  };
}

}  // namespace tessera
