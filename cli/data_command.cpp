#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/error.h"
#include "core/text.h"
#include "data/dataset_info.h"
#include "data/images/image.h"
#include "data/preview.h"
#include "data/target_picture.h"
#include "train/config/config.h"
#include "train/open_split.h"
#include "train/readable.h"
#include "train/run_folder.h"
#include "train/trainer.h"

namespace tessera {
namespace {

struct SampleOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string out;
  std::string preview;
  std::int64_t count = 0;  ///< 0: a usual number
};

int write_preview(const SampleOptions& options, const Config& config) {
  const std::unique_ptr<Dataset> train = open_split(config, Split::kTrain);
  const std::int64_t count = options.count > 0 ? options.count : 64;
  write_png(options.preview, preview(*train, training_options(config), count));
  fmt::print("{}\n", options.preview);
  return kExitOk;
}

/// Evenly over the split, with their masks or boxes on them.
int write_dense_samples(const SampleOptions& options, const Dataset& test, std::int64_t wanted) {
  Image buffer;
  const std::int64_t count = std::min(wanted, test.size());
  for (std::int64_t n = 0; n < count; ++n) {
    const std::int64_t i = n * test.size() / count;
    const Target target = test.target(i);
    const Image image = in_colors(test.read(i, buffer));
    const std::filesystem::path path =
        std::filesystem::path(options.out) / fmt::format("{}.png", i);
    write_png(path, test.target_kind() == TargetKind::kMask
                        ? with_mask(image, target.mask)
                        : with_boxes(image, target.boxes, test.class_names()));
    fmt::print("{}\n", path.string());
  }
  return kExitOk;
}

int sample(const SampleOptions& options) {
  const Config config = load_config(configuration_at(options.config), options.overrides);
  if (!options.preview.empty()) return write_preview(options, config);
  if (options.out.empty()) fail<ConfigError>("data sample needs --out FOLDER or --preview FILE");
  const std::int64_t wanted = options.count > 0 ? options.count : 10;
  const std::unique_ptr<Dataset> test = open_split(config, Split::kTest);
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) fail<DataError>("{}: cannot be made: {}", options.out, error.message());
  if (test->target_kind() != TargetKind::kClass) return write_dense_samples(options, *test, wanted);
  // The first image of each class, then the second of each, as far as there are any.
  std::int64_t count = 0;
  Image buffer;
  for (std::int64_t rank = 0; count < wanted && rank < test->size(); ++rank) {
    std::vector<std::int64_t> seen(test->class_names().size(), 0);
    for (std::int64_t i = 0; i < test->size() && count < wanted; ++i) {
      const auto label = static_cast<std::size_t>(test->label(i));
      if (seen[label]++ != rank) continue;
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

Action add_sample_command(Arguments& arguments) {
  auto options = std::make_shared<SampleOptions>();
  arguments.add_option("config", options->config, "Configuration file (YAML) or run").required();
  arguments.add_option("--set", options->overrides, "Override a key: --set data.root=DIR")
      .repeated();
  const Argument out =
      arguments.add_option("--out", options->out, "Folder for test images, named by class");
  arguments
      .add_option("--preview", options->preview,
                  "File for a contact sheet of training images after augmentation")
      .excludes(out);
  arguments.add_option("--count", options->count, "Images (10, spread over the classes; sheet: 64)")
      .between(1, 100000);
  return [options] { return sample(*options); };
}

struct ShowOptions {
  std::string source;
  std::string sample;
  std::string out;
};

/// A run, a configuration, or the name of a data set that is found without one.
Config config_of(const std::string& source) {
  std::error_code ignored;
  const std::filesystem::path path = configuration_at(source);
  if (path != source) return load_config(path);
  if (std::filesystem::is_directory(source, ignored)) {
    fail<ConfigError>("data show: {} is a folder, but no run", shown(source));
  }
  if (std::filesystem::exists(source, ignored)) return load_config(source);
  for (int i = 0; i < kDatasetNames; ++i) {
    const auto name = static_cast<DatasetName>(i);
    if (lies_in_files(name)) continue;
    if (dataset_info(name).name == source) return parse_config("data: {name: " + source + "}");
  }
  fail<ConfigError>("data show: {} is no run, no configuration, and no data set by name",
                    shown(source));
}

struct FoundSample {
  std::unique_ptr<Dataset> dataset;
  std::int64_t sample = 0;
  const char* split = "";
};

/// The sample of that name, or the only one whose path ends in it.
FoundSample find_sample(const Config& config, const std::string& name) {
  constexpr std::pair<Split, const char*> kSplits[] = {
      {Split::kTrain, "train"}, {Split::kVal, "val"}, {Split::kTest, "test"}};
  std::string example;
  std::optional<FoundSample> similar;
  std::vector<std::string> alike;  // names whose last parts are `name`
  for (const auto& [split, called] : kSplits) {
    std::unique_ptr<Dataset> dataset;
    try {
      dataset = open_split(config, split);
    } catch (const DataError&) {
      if (split == Split::kTrain) throw;
      continue;
    }
    if (example.empty() && dataset->size() > 0) example = dataset->sample_name(0);
    std::optional<std::int64_t> last;
    for (std::int64_t i = 0; i < dataset->size(); ++i) {
      const std::string own = dataset->sample_name(i);
      if (own == name) return {std::move(dataset), i, called};
      if (!own.ends_with("/" + name) || std::ranges::find(alike, own) != alike.end()) continue;
      alike.push_back(own);
      last = i;
    }
    if (last) similar = FoundSample{std::move(dataset), *last, called};
  }
  if (alike.size() == 1) return std::move(*similar);
  if (alike.size() > 1) {
    fail<DataError>("data show: {} samples are called {}, such as {} and {}", alike.size(),
                    quoted(name), quoted(alike[0]), quoted(alike[1]));
  }
  fail<DataError>("data show: there is no sample {}; the first is {}", quoted(name),
                  quoted(example));
}

/// With the mask or the boxes on it, if it has any.
int show(const ShowOptions& options) {
  Config config = config_of(options.source);
  config.data.whole_images = true;
  config.data.cache = Cache::kNone;
  const FoundSample found = find_sample(config, options.sample);
  const Dataset& dataset = *found.dataset;
  Image buffer;
  const ImageView view = dataset.read(found.sample, buffer);
  const std::string size = fmt::format("{} x {} pixels", view.shape.height, view.shape.width);
  if (dataset.target_kind() == TargetKind::kClass) {
    write_png(options.out, {view.shape, {view.pixels.begin(), view.pixels.end()}});
    fmt::print("{} ({}): {}, {}\n", shown(dataset.sample_name(found.sample)), found.split,
               dataset.class_names()[static_cast<std::size_t>(dataset.label(found.sample))], size);
    return kExitOk;
  }
  const Target target = dataset.target(found.sample);
  const Image image = in_colors(view);
  const bool is_mask = dataset.target_kind() == TargetKind::kMask;
  write_png(options.out, is_mask ? with_mask(image, target.mask)
                                 : with_boxes(image, target.boxes, dataset.class_names()));
  fmt::print(
      "{} ({}): {}, {}\n", shown(dataset.sample_name(found.sample)), found.split,
      is_mask ? "a mask" : plural(static_cast<std::int64_t>(target.boxes.size()), "box", "boxes"),
      size);
  return kExitOk;
}

Action add_show_command(Arguments& arguments) {
  auto options = std::make_shared<ShowOptions>();
  arguments
      .add_option("source", options->source,
                  "Run, configuration file (YAML), or name of a data set such as cifar10")
      .required();
  arguments
      .add_option(
          "sample", options->sample,
          "Sample as lists of mistakes name it: a path below the root, or the end of one; or "
          "test#57")
      .required();
  arguments.add_option("--out", options->out, "PNG file").required();
  return [options] { return show(*options); };
}

}  // namespace

Action add_data_command(Arguments& arguments) {
  Arguments check_arguments = arguments.add_command(
      "check",
      "Read everything; report classes, sizes, statistics, duplicates; exit 3 on problems");
  Arguments sample_arguments = arguments.add_command(
      "sample", "Write some images as PNG: of testing as they are, or of training as a model sees");
  Arguments show_arguments = arguments.add_command(
      "show", "Write one sample as PNG, by the name that lists of mistakes give it");
  Action check = add_data_check_command(check_arguments);
  Action sample = add_sample_command(sample_arguments);
  Action show = add_show_command(show_arguments);
  check_arguments.example("tessera data check flowers --write-skip broken.txt");
  sample_arguments.example("tessera data sample flowers.yaml --preview sheet.png");
  show_arguments.example("tessera data show runs/flowers roses/12.jpg --out rose.png");
  return [check_arguments, show_arguments, check, sample, show] {
    return check_arguments.given() ? check() : show_arguments.given() ? show() : sample();
  };
}

}  // namespace tessera
