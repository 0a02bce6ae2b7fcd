#include "report/run_view.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "layers/stage_plan.h"
#include "train/checkpoint_index.h"
#include "train/open_split.h"
#include "train/readable.h"
#include "train/run_folder.h"

namespace tessera::report {
namespace {

constexpr std::size_t kMistakes = 24;
constexpr std::size_t kWorst = 8, kBest = 4;  // images of masks and boxes
constexpr std::size_t kFilled = 12;

/// Images to experiment with: as many as some ten forward passes take a second or two for.
std::int64_t experiment_images(const ModelConfig& config) {
  constexpr double kMacs = 4e9;
  const double images = kMacs / static_cast<double>(plan_model(config).macs());
  return std::clamp(static_cast<std::int64_t>(images), std::int64_t{16}, std::int64_t{512});
}

bool has_checkpoint(const std::filesystem::path& run) {
  return read_index(RunFolder{run}.checkpoints()).has_value();
}

SavedModel load_model(const std::filesystem::path& path, std::span<const std::string> overrides) {
  std::vector<std::string> all(overrides.begin(), overrides.end());
  all.insert(all.end(), {"model.dropout=0", "model.drop_path=0"});
  SavedModel saved = load_saved_model(path, all);
  for (const ParameterStore::Entry& entry : saved.learner->model().parameters.entries()) {
    entry.parameter->frozen = true;
  }
  return saved;
}

void test(RunView& view, Log& log) {
  try {
    view.images = open_split(view.saved->config, Split::kTest);
    const Dataset& images = *view.images;
    view.class_names =
        class_names_up_to(view.saved->config.model.num_classes, images.class_names());
    if (view.saved->config.task.name == TaskName::kSimmim) {
      view.filled = test_filling(*view.saved, images, kFilled, log);
      return;
    }
    if (images.target_kind() == TargetKind::kMask) {
      view.masks = test_masks(*view.saved, images, kWorst, kBest, log);
      return;
    }
    if (images.target_kind() == TargetKind::kBoxes) {
      view.boxes = test_boxes(*view.saved, images, kWorst, log);
      return;
    }
    view.test = test_model(
        *view.saved, images,
        {.mistakes = kMistakes, .images = experiment_images(view.saved->config.model)}, log);
  } catch (const DataError& error) {
    view.notices.push_back(fmt::format(
        "The test images could not be read, so what needs them is left out: {}", error.what()));
  }
}

}  // namespace

RunView view_run(const std::filesystem::path& path, std::span<const std::string> overrides,
                 Log& log) {
  RunView view{read_run_record(path), {}, {}, {}, {}, {}, {}, {}, {}};
  if (!has_checkpoint(path)) {
    view.notices.emplace_back(
        "There is no checkpoint yet, so what needs the weights is left out; the curves show what "
        "has been written so far.");
    return view;
  }
  view.saved = load_model(path, overrides);
  if (view.saved->config.train.threads > 0) set_num_threads(view.saved->config.train.threads);
  test(view, log);
  return view;
}

}  // namespace tessera::report
