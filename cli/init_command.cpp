#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <string>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/text.h"
#include "data/open_dataset.h"
#include "data/sets/table_file.h"
#include "data/survey.h"
#include "train/log.h"
#include "train/readable.h"
#include "train/speed.h"
#include "train/suggestion.h"
#include "train/suggestion_text.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::string folder;
  std::string out;
  double hours = 1.0;
};

/// `flowers.yaml` for `photos/flowers/` and for `flowers.tar`.
fs::path default_out(const std::string& folder) {
  fs::path path = fs::absolute(folder).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  const std::string name = path.extension() == ".tar" ? path.stem() : path.filename();
  return name.empty() ? "images.yaml" : name + ".yaml";
}

void print(const DataSurvey& survey) {
  fmt::print("{}: {} of {}", dataset_info(survey.config.name).name,
             plural(survey.training, "training image"),
             plural(static_cast<std::int64_t>(survey.classes.size()), "class", "classes"));
  constexpr std::size_t kMost = 6;
  for (std::size_t k = 0; k < std::min(kMost, survey.classes.size()); ++k) {
    fmt::print("{}{}", k == 0 ? " (" : ", ", survey.classes[k]);
    if (!survey.class_counts.empty()) fmt::print(" {}", survey.class_counts[k]);
  }
  if (!survey.classes.empty()) fmt::print("{})", survey.classes.size() > kMost ? ", ..." : "");
  fmt::print("\nsizes: {} x {} to {} x {}, the median {} x {}{}\n", survey.widths[0],
             survey.heights[0], survey.widths[2], survey.heights[2], survey.widths[1],
             survey.heights[1], survey.is_grey ? "; all grey" : "");
  if (survey.validation > 0) {
    fmt::print("validation: {}\n",
               plural(survey.validation, "image of its own", "images of their own"));
  } else if (survey.config.val_split > 0.0) {
    fmt::print("validation: {:.0f} % of the training images are held out{}\n",
               100.0 * survey.config.val_split,
               survey.spares_test ? "; the test images are kept for the end" : "");
  }
}

/// All training images and their classes, as a list that stands in for validation.
void write_list(const DataSurvey& survey, const fs::path& path) {
  const std::unique_ptr<Dataset> images = open_dataset(survey.config, Split::kTrain);
  std::string text = "path,label\n";
  for (std::int64_t i = 0; i < images->size(); ++i) {
    const std::string& name = survey.classes[static_cast<std::size_t>(images->label(i))];
    text += fmt::format("{},{}\n", csv_field(images->sample_name(i)), csv_field(name));
  }
  write_atomically(path, text);
}

int run(InitOptions options) {
  const fs::path out = options.out.empty() ? default_out(options.folder) : fs::path(options.out);
  if (fs::exists(out)) {
    fail<ConfigError>("init: {} is there already: remove it, or name another file by --out",
                      shown(out.string()));
  }
  Log log;
  log.status("looking at " + options.folder);
  DataSurvey survey = survey_data(fs::absolute(options.folder).lexically_normal().string());
  log.status({});
  print(survey);
  SuggestionOptions wanted{.name = out.stem().string(), .hours = options.hours};
  if (survey.trains_on_all) {
    const fs::path list = fs::absolute(out).parent_path() / (out.stem().string() + "_images.csv");
    write_list(survey, list);
    wanted.list = list.string();
  }
  const Suggestion found = suggest_config(survey, wanted, [&](const Config& config) {
    log.status(fmt::format("measuring a model at {} x {} pixels", config.model.image_size[0],
                           config.model.image_size[1]));
    return measure_update_seconds(config);
  });
  log.status({});
  if (!write_if_absent(out, found.yaml)) {
    fail<ConfigError>("init: {} is there already", shown(out.string()));
  }
  const ModelConfig& model = found.config.model;
  fmt::print("model: {} x {} pixels, patch {}, {} channels; {} of {}\n", model.image_size[0],
             model.image_size[1], model.patch_size[0], model.embed_dim,
             plural(found.config.train.epochs, "epoch"), plural(found.training_images, "image"));
  for (const std::string& remark : found.remarks) fmt::print("note: {}\n", remark);
  fmt::print("Wrote {}: about {} of training here and {} of memory. Next:\n\n", out.string(),
             duration_text(found.train_seconds), memory_text(found.bytes));
  fmt::print("  tessera data check {0}\n  tessera train {0}\n", out.string());
  return kExitOk;
}

}  // namespace

Action add_init_command(Arguments& arguments) {
  auto options = std::make_shared<InitOptions>();
  arguments
      .add_option(
          "folder", options->folder,
          "Folder or tar archive of images: a folder for each class, a list, masks or boxes")
      .required();
  arguments.add_option("--out", options->out,
                       "Configuration to write, which must not be there yet; NAME.yaml if not "
                       "given, NAME being that of the folder");
  arguments.add_option("--hours", options->hours, "Time that training may take on this machine")
      .between(0.01, 10000.0)
      .with_default();
  arguments.footer(
      "Looks at the images and at the machine, and trains nothing but a step or two of each model "
      "that it considers.");
  return [options] { return run(*options); };
}

}  // namespace tessera
