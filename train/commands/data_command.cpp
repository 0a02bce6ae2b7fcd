#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/check.h"
#include "data/image.h"
#include "data/preview.h"
#include "train/commands/commands.h"
#include "train/config/config.h"
#include "train/open_split.h"
#include "train/trainer.h"

namespace tessera {
namespace {

struct DataOptions {
  std::string config;
  std::vector<std::string> overrides;
  bool json = false;
  std::string out;
  std::string preview;
  std::int64_t count = 0;  ///< 0: a usual number
};

struct CheckedSplit {
  std::string name;
  DataReport report;
};

nlohmann::ordered_json to_json(const CheckedSplit& split) {
  return {{"samples", split.report.samples},
          {"class_counts", split.report.class_counts},
          {"empty_classes", split.report.empty_classes},
          {"mean", split.report.measured.mean},
          {"std", split.report.measured.std},
          {"duplicates", split.report.duplicates},
          {"hash", fmt::format("{:016x}", split.report.hash)}};
}

void print_split(const CheckedSplit& split, const Dataset& dataset) {
  const DataReport& report = split.report;
  fmt::print("{}: {} images, for a network {}x{}x{}\n", split.name, report.samples,
             dataset.image().height, dataset.image().width, dataset.image().channels);
  for (std::size_t k = 0; k < report.class_counts.size(); ++k) {
    fmt::print("  {:<16}{:>8}\n", dataset.class_names()[k], report.class_counts[k]);
  }
  fmt::print("  mean {:.4f}  std {:.4f}  (pixels 0..1, per channel)\n",
             fmt::join(report.measured.mean, " "), fmt::join(report.measured.std, " "));
  fmt::print("  {} exact duplicates\n", report.duplicates);
}

int check(const DataOptions& options) {
  const Config config = load_config(options.config, options.overrides);
  const std::unique_ptr<Dataset> train = open_split(config, Split::kTrain);
  const std::unique_ptr<Dataset> test = open_split(config, Split::kTest);
  const CheckedSplit splits[] = {{"train", check_dataset(*train)}, {"test", check_dataset(*test)}};
  const std::int64_t shared = count_shared(*test, *train);
  bool problems = false;
  for (const CheckedSplit& split : splits) problems |= !split.report.empty_classes.empty();
  if (options.json) {
    const nlohmann::ordered_json json = {{"name", train->name()},
                                         {"train", to_json(splits[0])},
                                         {"test", to_json(splits[1])},
                                         {"test_images_in_train", shared},
                                         {"ok", !problems}};
    fmt::print("{}\n", json.dump(2));
  } else {
    print_split(splits[0], *train);
    print_split(splits[1], *test);
    fmt::print("{} test images also occur among the training images\n", shared);
    for (const CheckedSplit& split : splits) {
      for (const std::string& name : split.report.empty_classes) {
        fmt::print("problem: {} has no images of class {}\n", split.name, name);
      }
    }
  }
  return problems ? kExitProblems : kExitOk;
}

int write_preview(const DataOptions& options, const Config& config) {
  const std::unique_ptr<Dataset> train = open_split(config, Split::kTrain);
  const std::int64_t count = options.count > 0 ? options.count : 64;
  write_png(options.preview, preview(*train, training_options(config), count));
  fmt::print("{}\n", options.preview);
  return kExitOk;
}

int sample(const DataOptions& options) {
  const Config config = load_config(options.config, options.overrides);
  if (!options.preview.empty()) return write_preview(options, config);
  if (options.out.empty()) fail<ConfigError>("data sample needs --out FOLDER or --preview FILE");
  const std::int64_t wanted = options.count > 0 ? options.count : 10;
  const std::unique_ptr<Dataset> test = open_split(config, Split::kTest);
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) fail<DataError>("{}: cannot be made: {}", options.out, error.message());
  // The first unseen image of each class in turn, then the second of each, as far as there are any.
  std::vector<std::int64_t> written(test->class_names().size(), 0);
  std::int64_t count = 0;
  Image buffer;
  for (std::int64_t round = 1; count < wanted && round <= test->size(); ++round) {
    for (std::int64_t i = 0; i < test->size() && count < wanted; ++i) {
      const auto label = static_cast<std::size_t>(test->label(i));
      if (written[label] != round - 1) continue;
      written[label] = round;
      const ImageView image = test->read(i, buffer);
      std::string name = test->class_names()[label];
      for (char& c : name) c = c == '/' || c == ' ' ? '_' : c;
      const std::filesystem::path path =
          std::filesystem::path(options.out) / fmt::format("{}-{}.png", name, i);
      write_png(path, {image.shape, {image.pixels.begin(), image.pixels.end()}});
      fmt::print("{}\n", path.string());
      ++count;
    }
  }
  return kExitOk;
}

void add_common(CLI::App& app, DataOptions& options) {
  app.add_option("config", options.config, "Configuration file (YAML)")->required();
  app.add_option("--set", options.overrides, "Override a key: --set data.root=DIR")
      ->allow_extra_args(false);
}

}  // namespace

Action add_data_command(CLI::App& app) {
  auto options = std::make_shared<DataOptions>();
  CLI::App* check_app = app.add_subcommand(
      "check", "Read everything; report classes, statistics, duplicates; exit 3 on problems");
  add_common(*check_app, *options);
  check_app->add_flag("--json", options->json, "Print one JSON object");
  CLI::App* sample_app = app.add_subcommand(
      "sample", "Write some images as PNG: of testing as they are, or of training as a model sees");
  add_common(*sample_app, *options);
  CLI::Option* out =
      sample_app->add_option("--out", options->out, "Folder for test images, named by class");
  sample_app
      ->add_option("--preview", options->preview,
                   "File for a contact sheet of training images after augmentation")
      ->excludes(out);
  sample_app
      ->add_option("--count", options->count, "Images (10, spread over the classes; sheet: 64)")
      ->check(CLI::Range(1, 100000));
  app.require_subcommand(1);
  return [options, check_app] { return check_app->parsed() ? check(*options) : sample(*options); };
}

}  // namespace tessera
