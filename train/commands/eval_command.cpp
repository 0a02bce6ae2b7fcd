#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/parallel.h"
#include "layers/stage_plan.h"
#include "train/commands/commands.h"
#include "train/evaluate.h"
#include "train/open_split.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

struct EvalOptions {
  std::string path;
  std::vector<std::string> overrides;
  std::string split = "test";
  std::vector<std::int64_t> patch_sizes;
  bool json = false;
  bool confusion = false;
};

std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f} %", 100.0 * share);
}

void print_classes(const Metrics& metrics, const Dataset& dataset) {
  fmt::print("\n{:<16}{:>9}{:>10}{:>11}{:>9}\n", "class", "samples", "recall", "precision", "F1");
  for (std::int64_t k = 0; k < metrics.num_classes(); ++k) {
    const ClassScore score = metrics.class_score(k);
    fmt::print("{:<16}{:>9}{:>10}{:>11}{:>9}\n", dataset.class_names()[static_cast<std::size_t>(k)],
               score.samples, percent(score.recall), percent(score.precision), percent(score.f1));
  }
}

void print_confusion(const Metrics& metrics, const Dataset& dataset) {
  const std::int64_t classes = metrics.num_classes();
  fmt::print("\nConfusion matrix: a row is a class, a column what the model took it for.\n");
  for (std::int64_t row = 0; row < classes; ++row) {
    fmt::print("{:<16}", dataset.class_names()[static_cast<std::size_t>(row)]);
    for (std::int64_t column = 0; column < classes; ++column) {
      fmt::print("{:>6}", metrics.confusion()[static_cast<std::size_t>(row * classes + column)]);
    }
    fmt::print("\n");
  }
}

nlohmann::ordered_json to_json(const Metrics& metrics, const Dataset& dataset, bool confusion) {
  nlohmann::ordered_json classes = nlohmann::ordered_json::array();
  for (std::int64_t k = 0; k < metrics.num_classes(); ++k) {
    const ClassScore score = metrics.class_score(k);
    classes.push_back({{"class", dataset.class_names()[static_cast<std::size_t>(k)]},
                       {"samples", score.samples},
                       {"recall", score.recall},
                       {"precision", score.precision},
                       {"f1", score.f1}});
  }
  nlohmann::ordered_json json = {
      {"top1", metrics.top1()},       {"top5", metrics.top5()},
      {"loss", metrics.loss()},       {"calibration_error", metrics.calibration_error()},
      {"samples", metrics.samples()}, {"classes", classes}};
  if (confusion) json["confusion"] = metrics.confusion();
  return json;
}

Metrics test(const SavedModel& saved, const Dataset& dataset) {
  Loader loader(dataset, evaluation_options(saved.config.data));
  return evaluate(*saved.learner, loader, saved.config.model.num_classes);
}

SavedModel with_patch(const SavedModel& saved, std::int64_t patch) {
  const std::string override = fmt::format("model.patch_size={}", patch);
  if (saved.config.model.patch_embed.type == PatchEmbedType::kConvStem &&
      saved.config.model.patch_size != Size2{patch, patch}) {
    fail<ConfigError>(
        "--patch-size {}: the convolutions of patch_embed.type conv_stem belong to patch_size "
        "{}x{} "
        "and cannot be resized",
        patch, saved.config.model.patch_size[0], saved.config.model.patch_size[1]);
  }
  return fit_saved_model(saved, {&override, 1});
}

int run_patch_sizes(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset) {
  // What cannot be fitted is said before the first is tested.
  for (const std::int64_t patch : options.patch_sizes) with_patch(saved, patch);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  if (!options.json) {
    fmt::print("{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "patch", "tokens", "MMACs", "top-1",
               "top-5", "loss");
  }
  for (const std::int64_t patch : options.patch_sizes) {
    const SavedModel fitted = with_patch(saved, patch);
    const ModelPlan plan = plan_model(fitted.config.model);
    const Metrics metrics = test(fitted, dataset);
    if (options.json) {
      rows.push_back({{"patch_size", patch}, {"tokens", plan.embed.map}, {"macs", plan.macs()}});
      rows.back().update(to_json(metrics, dataset, options.confusion));
      continue;
    }
    const auto [height, width] = plan.embed.map;
    fmt::print("{:>10}{:>10}{:>10.1f}{:>10}{:>10}{:>10.4f}\n",
               Size2{patch, patch} == saved.config.model.patch_size ? fmt::format("{} *", patch)
                                                                    : fmt::format("{}  ", patch),
               fmt::format("{}x{}", height, width), 1e-6 * static_cast<double>(plan.macs()),
               fmt::format("{:.2f} %", 100.0 * metrics.top1()),
               fmt::format("{:.2f} %", 100.0 * metrics.top5()), metrics.loss());
  }
  if (options.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"patch_sizes", rows}}.dump());
  } else {
    fmt::print("* as trained; at the others kernels, positions and tables are resized\n");
  }
  return kExitOk;
}

int run(const EvalOptions& options) {
  const SavedModel saved = load_saved_model(options.path, options.overrides);
  if (saved.config.train.threads > 0) set_num_threads(saved.config.train.threads);
  const std::unique_ptr<Dataset> dataset =
      open_split(saved.config, options.split == "train" ? Split::kTrain : Split::kTest);
  if (!options.patch_sizes.empty()) return run_patch_sizes(options, saved, *dataset);
  const Metrics metrics = test(saved, *dataset);
  if (options.json) {
    fmt::print("{}\n", to_json(metrics, *dataset, options.confusion).dump());
    return kExitOk;
  }
  fmt::print("{} (step {}) on the {} {} images of {}\n", saved.path.parent_path().string(),
             saved.meta.step, metrics.samples(), options.split, dataset->name());
  fmt::print("top-1 {:.2f} %   top-5 {:.2f} %   loss {:.4f}   calibration error {:.2f} %\n",
             100.0 * metrics.top1(), 100.0 * metrics.top5(), metrics.loss(),
             100.0 * metrics.calibration_error());
  if (metrics.num_classes() <= 20) print_classes(metrics, *dataset);
  if (options.confusion) print_confusion(metrics, *dataset);
  return kExitOk;
}

}  // namespace

Action add_eval_command(CLI::App& app) {
  auto options = std::make_shared<EvalOptions>();
  app.add_option("path", options->path, "Run (its best checkpoint) or checkpoint folder")
      ->required();
  app.add_option("--set", options->overrides, "Override a key: --set data.batch_size=64")
      ->allow_extra_args(false);
  app.add_option("--split", options->split, "test or train")
      ->check(CLI::IsMember({"test", "train"}))
      ->capture_default_str();
  app.add_option("--patch-size", options->patch_sizes,
                 "Test with patches of other sizes too: 1,2,4. Kernels, positions and tables are "
                 "resized; nothing is trained")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 16384));
  app.add_flag("--json", options->json, "Print one JSON object; shares are 0..1");
  app.add_flag("--confusion", options->confusion, "Also give the confusion matrix");
  return [options] { return run(*options); };
}

}  // namespace tessera
