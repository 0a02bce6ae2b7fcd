#include <fmt/core.h>

#include <cmath>
#include <memory>

#include "cli/arguments.h"
#include "cli/class_answers.h"
#include "cli/commands.h"
#include "cli/eval_boxes.h"
#include "cli/eval_masks.h"
#include "cli/eval_report.h"
#include "core/error.h"
#include "core/parallel.h"
#include "formats/json.h"
#include "train/answers_file.h"
#include "train/open_split.h"
#include "train/readable.h"

namespace tessera {
namespace {

std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f} %", 100.0 * share);
}

using Names = std::vector<std::string>;

void print_classes(const ClassificationMeter& metrics, const Names& names) {
  fmt::print("\n{:<16}{:>9}{:>10}{:>11}{:>9}\n", "class", "samples", "recall", "precision", "F1");
  for (std::int64_t k = 0; k < metrics.num_classes(); ++k) {
    const ClassScore score = metrics.class_score(k);
    fmt::print("{:<16}{:>9}{:>10}{:>11}{:>9}\n", names[static_cast<std::size_t>(k)], score.samples,
               percent(score.recall), percent(score.precision), percent(score.f1));
  }
}

void print_confusion(const ClassificationMeter& metrics, const Names& names) {
  const std::int64_t classes = metrics.num_classes();
  fmt::print("\nConfusion matrix: a row is a class, a column what the model took it for.\n");
  for (std::int64_t row = 0; row < classes; ++row) {
    fmt::print("{:<16}", names[static_cast<std::size_t>(row)]);
    for (std::int64_t column = 0; column < classes; ++column) {
      fmt::print("{:>6}", metrics.confusion()[static_cast<std::size_t>(row * classes + column)]);
    }
    fmt::print("\n");
  }
}

Json to_json(const TestViews& views) {
  return {{"count", views.count()}, {"flip", views.flip}, {"shift", views.shift}};
}

Split split_called(const std::string& name) {
  return name == "train" ? Split::kTrain : name == "val" ? Split::kVal : Split::kTest;
}

int run(const EvalOptions& options) {
  const SavedModel saved = load_saved_model(options.path, options.overrides);
  if (saved.config.train.threads > 0) set_num_threads(saved.config.train.threads);
  const std::unique_ptr<Dataset> dataset = open_split(saved.config, split_called(options.split));
  const bool fills = saved.config.task.name == TaskName::kSimmim;
  check_options(options, fills ? std::nullopt : std::optional(dataset->target_kind()));
  if (fills) {
    eval_filling(options, saved, *dataset);
    return kExitOk;
  }
  if (dataset->target_kind() == TargetKind::kMask) {
    eval_masks(options, saved, *dataset);
    return kExitOk;
  }
  if (dataset->target_kind() == TargetKind::kBoxes) {
    eval_boxes(options, saved, *dataset);
    return kExitOk;
  }
  if (std::vector<std::int64_t> sizes = patch_sizes_of(options, saved.config); !sizes.empty()) {
    return run_patch_sizes(options, std::move(sizes), saved, *dataset);
  }
  if (!options.curve.empty()) fail<ConfigError>("--curve: is for --patch-size, as in 1,2,4");
  const TestViews views = views_of(options, saved.config);
  std::vector<ClassAnswer> answers;
  const bool keeps_answers = !options.predictions.empty();
  const VisitBatch keep = keeps_answers ? collect_answers(*dataset, answers) : VisitBatch{};
  std::string right;
  const auto note = [&](std::span<const Tensor> outputs, const Batch& batch) {
    note_right_answers(outputs.front(), batch, right);
    return !keep || keep(outputs, batch);
  };
  const ClassificationMeter metrics =
      test(saved, *dataset, views, options.right ? VisitBatch(note) : keep);
  if (keeps_answers) {
    write_answers(options.predictions, answers,
                  class_names_up_to(metrics.num_classes(), dataset->class_names()));
  }
  if (options.json) {
    Json json = to_json(metrics, *dataset, options.confusion);
    json["views"] = to_json(views);
    add_checkpoint(json, saved, metrics, metrics.samples());
    if (options.right) json["checkpoint"]["right"] = right;
    fmt::print("{}\n", json_text(json));
    return kExitOk;
  }
  print_subject(options, saved, *dataset, metrics.samples());
  fmt::print("top-1 {:.2f} %   top-5 {:.2f} %   loss {:.4f}   calibration error {:.2f} %\n",
             100.0 * metrics.top1(), 100.0 * metrics.top5(), metrics.loss(),
             100.0 * metrics.calibration_error());
  fmt::print("balanced accuracy {:.2f} %   macro F1 {:.2f} %\n",
             100.0 * metrics.balanced_accuracy(), 100.0 * metrics.macro_f1());
  if (views.count() > 1) {
    fmt::print(
        "mean of {} views of each image{}{}\n", views.count(), views.flip ? ", mirrored" : "",
        views.shift > 0 ? fmt::format(", moved by {} to the corners", plural(views.shift, "pixel"))
                        : "");
  }
  const Names names = class_names_up_to(metrics.num_classes(), dataset->class_names());
  if (metrics.num_classes() <= 20) print_classes(metrics, names);
  if (options.confusion) print_confusion(metrics, names);
  return kExitOk;
}

}  // namespace

Action add_eval_command(Arguments& arguments) {
  auto options = std::make_shared<EvalOptions>();
  arguments.add_option("path", options->path, "Run (its best checkpoint) or checkpoint folder")
      .required();
  arguments.add_option("--set", options->overrides, "Override a key: --set data.batch_size=64")
      .repeated();
  arguments
      .add_option("--split", options->split,
                  "test, val or train; val is what training tests on, the same as test if there is "
                  "but one")
      .one_of({"test", "val", "train"})
      .with_default();
  arguments
      .add_option("--patch-size", options->patch_sizes,
                  "Test with patches of other sizes too: 1,2,4. Kernels, positions and tables are "
                  "resized; nothing is trained. With --curve and a run of model.patch_sizes these, "
                  "if not given")
      .comma_separated()
      .between(1, 16384);
  arguments.add_option(
      "--curve", options->curve,
      "With --patch-size: draw top-1, its 95 % interval in the table, over the patch and over the "
      "arithmetic into an SVG file");
  arguments
      .add_option(
          "--tta", options->views,
          "Test-time augmentation: answer by the mean probabilities of several views. flip: "
          "also mirrored; crops: also moved to the four corners; flip,crops: all ten")
      .comma_separated()
      .one_of({"flip", "crops"});
  arguments
      .add_option("--shift", options->shift,
                  "Pixels by which crops move; data.augment.crop_padding or an eighth of the image "
                  "if not given")
      .between(1, 16384);
  arguments
      .add_option("--scales", options->scales,
                  "Masks: look at images of several sizes, 0.75,1,1.25, and answer by the mean")
      .comma_separated()
      .between(0.1, 10.0);
  arguments
      .add_option("--window", options->window,
                  "Masks: look at square parts of so many pixels that overlap, one after the other")
      .between(1, 16384);
  arguments
      .add_option("--stride", options->stride,
                  "Masks: pixels from one part to the next; two thirds of --window if not given")
      .between(1, 16384);
  arguments.add_option(
      "--predictions", options->predictions,
      "CSV file of every image, its label, prediction and probabilities; of masks a "
      "folder, a PNG an image whose indices are the classes: tessera score "
      "compares them with any labels");
  const Argument json =
      arguments.add_flag("--json", options->json, "Print one JSON object; shares are 0..1");
  arguments
      .add_flag("--right", options->right,
                "With --json: also which images are answered rightly, a text of 1 and 0")
      .needs(json);
  arguments.add_flag("--confusion", options->confusion, "Also give the confusion matrix");
  return [options] { return run(*options); };
}

}  // namespace tessera
