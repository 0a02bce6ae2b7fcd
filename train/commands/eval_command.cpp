#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/parallel.h"
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
  bool json = false;
  bool confusion = false;
};

void print_classes(const Metrics& metrics, const Dataset& dataset) {
  const std::int64_t classes = metrics.num_classes();
  const auto at = [&](std::int64_t row, std::int64_t column) {
    return metrics.confusion()[static_cast<std::size_t>(row * classes + column)];
  };
  fmt::print("\n{:<16}{:>9}{:>10}{:>10}\n", "class", "samples", "recall", "precision");
  for (std::int64_t k = 0; k < classes; ++k) {
    std::int64_t labelled = 0, predicted = 0;
    for (std::int64_t j = 0; j < classes; ++j) {
      labelled += at(k, j);
      predicted += at(j, k);
    }
    const auto share = [&](std::int64_t whole) {
      return whole == 0 ? std::string("-")
                        : fmt::format("{:.1f} %", 100.0 * static_cast<double>(at(k, k)) /
                                                      static_cast<double>(whole));
    };
    fmt::print("{:<16}{:>9}{:>10}{:>10}\n", dataset.class_names()[static_cast<std::size_t>(k)],
               labelled, share(labelled), share(predicted));
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

int run(const EvalOptions& options) {
  SavedModel saved = load_saved_model(options.path, options.overrides);
  if (saved.config.train.threads > 0) set_num_threads(saved.config.train.threads);
  const std::unique_ptr<Dataset> dataset =
      open_split(saved.config, options.split == "train" ? Split::kTrain : Split::kTest);
  Loader loader(*dataset, evaluation_options(saved.config.data));
  const Metrics metrics = evaluate(*saved.learner, loader, saved.config.model.num_classes);
  if (options.json) {
    nlohmann::ordered_json json = {{"top1", metrics.top1()},
                                   {"top5", metrics.top5()},
                                   {"loss", metrics.loss()},
                                   {"samples", metrics.samples()}};
    if (options.confusion) json["confusion"] = metrics.confusion();
    fmt::print("{}\n", json.dump());
    return kExitOk;
  }
  fmt::print("{} (step {}) on the {} {} images of {}\n", saved.path.parent_path().string(),
             saved.meta.step, metrics.samples(), options.split, dataset->name());
  fmt::print("top-1 {:.2f} %   top-5 {:.2f} %   loss {:.4f}\n", 100.0 * metrics.top1(),
             100.0 * metrics.top5(), metrics.loss());
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
  app.add_flag("--json", options->json, "Print one JSON object; shares are 0..1");
  app.add_flag("--confusion", options->confusion, "Also give the confusion matrix");
  return [options] { return run(*options); };
}

}  // namespace tessera
