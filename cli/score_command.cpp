#include <filesystem>
#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/score.h"
#include "core/error.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

int run(const ScoreOptions& options) {
  for (const std::string& path : {options.truth, options.predictions}) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) fail<DataError>("{}: no such file or folder", path);
  }
  const bool folder = fs::is_directory(options.truth);
  if (folder != fs::is_directory(options.predictions)) {
    fail<ConfigError>(
        "{} is a folder and {} a file; give two folders of PNG masks or two JSON files",
        folder ? options.truth : options.predictions, folder ? options.predictions : options.truth);
  }
  if (folder) {
    score_masks(options);
  } else {
    score_boxes(options);
  }
  return kExitOk;
}

}  // namespace

Action add_score_command(Arguments& arguments) {
  auto options = std::make_shared<ScoreOptions>();
  arguments
      .add_option("truth", options->truth,
                  "A folder of masks (PNG, grey or palette: the index is the class), or boxes in "
                  "COCO's JSON")
      .required();
  arguments
      .add_option("predictions", options->predictions,
                  "A folder of masks of the same names, or COCO's list of detections")
      .required();
  arguments
      .add_option("--classes", options->classes,
                  "Classes of masks; as many as the largest index tells if not given")
      .between(1, 256);
  arguments
      .add_option("--ignore", options->ignored,
                  "The index of label pixels that do not count; -1 for none")
      .between(-1, 255)
      .with_default();
  arguments.add_flag("--json", options->json, "Print one JSON object; shares are 0..1");
  return [options] { return run(*options); };
}

}  // namespace tessera
