#include "train/saved_model.h"

#include "core/error.h"
#include "train/config/config.h"
#include "train/weights/load_weights.h"

namespace tessera {

SavedModel load_saved_model(const std::filesystem::path& path,
                            std::span<const std::string> overrides) {
  const LoadedCheckpoint checkpoint = load_checkpoint(path, CheckpointChoice::kBest);
  if (!checkpoint.resumable) {
    fail<CheckpointError>(
        "{}: holds weights without a configuration: give the checkpoint's or the run's folder",
        path.string());
  }
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
