#include "train/saved_model.h"

#include "core/error.h"
#include "train/config/config.h"
#include "train/weights/load_weights.h"

namespace tessera {

SavedModel load_saved_model(const std::filesystem::path& path,
                            std::span<const std::string> overrides) {
  if (std::filesystem::is_regular_file(path)) {
    fail<CheckpointError>("{}: is a file: give a run's folder or a checkpoint's", path.string());
  }
  const LoadedCheckpoint checkpoint = load_checkpoint(path, CheckpointChoice::kBest);
  SavedModel saved;
  saved.config = parse_config(checkpoint.meta.config,
                              (checkpoint.path.parent_path() / "meta.json").string(), overrides);
  saved.path = checkpoint.path;
  saved.meta = checkpoint.meta;
  saved.learner = std::make_unique<Learner>(saved.config);
  load_weights(checkpoint.model, named_values(saved.learner->model().parameters));
  restore_tensors(checkpoint.state, saved.learner->state());
  saved.learner->use_average();
  return saved;
}

}  // namespace tessera
