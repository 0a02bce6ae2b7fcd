// Which checkpoint is the last and which the best: as it is written now, as version 0.1 had it, and
// as tools that copy folders leave that.
#include "train/checkpoint_index.h"

#include <doctest/doctest.h>

#include <utility>

#include "core/error.h"
#include "formats/weights/load_weights.h"
#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"
#include "train/checkpoint.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::ScratchFolder;
using test::write_text;

/// A copy of a run of version 0.1 that was killed in its second epoch of three: `last` is step 6,
/// `best` step 4.
class OldRun {
 public:
  OldRun() {
    fs::copy(test::fixture("run_0_1"), path(),
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  }
  fs::path path() const { return folder_ / "run"; }
  fs::path checkpoints() const { return path() / "checkpoints"; }
  CheckpointIndex index() const { return read_index(checkpoints()).value(); }

 private:
  ScratchFolder folder_;
};

TEST_CASE("checkpoint index: what is written is read") {
  const ScratchFolder folder;
  CHECK(!read_index(folder.path()));
  CHECK(!read_index(folder / "none"));
  for (const std::string best : {"", "step-4", "step-4.2"}) {
    write_index(folder.path(), {.last = "step-6", .best = best, .note = {}});
    const CheckpointIndex index = read_index(folder.path()).value();
    CHECK(index.last == "step-6");
    CHECK(index.best == best);
    CHECK(index.at(CheckpointChoice::kBest) == (best.empty() ? "step-6" : best));
    CHECK(index.note.empty());
  }
  for (const char* name : {"step-1", "step-12.2", "step-12.30"}) CHECK(is_step_name(name));
  for (const char* name : {"step-", "step-x", "step-1.", "step-1.x", "step-.2", "steps", "last"}) {
    CHECK(!is_step_name(name));
  }
}

TEST_CASE("checkpoint index: a name that leads out of the folder is none") {
  const ScratchFolder folder;
  for (const char* name : {"..", "../step-1", "/etc"}) {
    write_index(folder.path(), {.last = name, .best = {}, .note = {}});
    CHECK(error_of<CheckpointError>([&] { read_index(folder.path()); }).find("is no name") !=
          std::string::npos);
  }
}

TEST_CASE("checkpoint index: links of version 0.1, and what becomes of them in copies") {
  const auto check = [](const OldRun& run, const std::string& last, const std::string& best,
                        const std::string& note) {
    const CheckpointIndex index = run.index();
    CHECK(index.last == last);
    CHECK(index.best == best);
    CHECK(index.note.find(note) != std::string::npos);
    CHECK(index.note.empty() == note.empty());
  };
  const OldRun links;
  check(links, "step-6", "step-4", "");

  const OldRun folders;  // scp -r, cp -rL: folders in the place of the links
  for (const auto& [name, step] : {std::pair{"last", "step-6"}, std::pair{"best", "step-4"}}) {
    fs::remove(folders.checkpoints() / name);
    fs::copy(folders.checkpoints() / step, folders.checkpoints() / name);
  }
  check(folders, "step-6", "step-4", "");
  fs::remove_all(folders.checkpoints() / "step-6");
  check(folders, "last", "step-4", "");

  const OldRun texts;  // unpacked where there are no links
  for (const auto& [name, step] : {std::pair{"last", "step-6"}, std::pair{"best", "step-4"}}) {
    fs::remove(texts.checkpoints() / name);
    write_text(texts.checkpoints() / name, step);
  }
  check(texts, "step-6", "step-4", "");

  const OldRun none;  // rsync -r, cloud drives: no links
  fs::remove(none.checkpoints() / "last");
  check(none, "step-6", "step-4", "the last is step-6");
  fs::remove(none.checkpoints() / "best");
  check(none, "step-6", "step-4", "the last is step-6 and the best is step-4");

  const OldRun dangling;
  fs::remove_all(dangling.checkpoints() / "step-6");
  check(dangling, "step-4", "step-4", "the last is step-4");
}

TEST_CASE("checkpoint index: the next save replaces the links and keeps the best") {
  const OldRun run;
  const LoadedCheckpoint best = load_checkpoint(run.path(), CheckpointChoice::kBest);
  CheckpointData data;
  data.meta = load_checkpoint(run.path()).meta;
  data.meta.step = 7;
  data.model = {{"norm.weight", Tensor::full({8}, 1.0f)}};
  save_checkpoint(run.checkpoints(), data, false);
  CHECK(run.index().last == "step-7");
  CHECK(run.index().best == "step-4");
  CHECK(!fs::exists(fs::symlink_status(run.checkpoints() / "last")));
  CHECK(!fs::exists(fs::symlink_status(run.checkpoints() / "best")));
  CHECK(!fs::exists(run.checkpoints() / "step-6"));
  CHECK(load_checkpoint(run.path(), CheckpointChoice::kBest).path == best.path);
}

TEST_CASE("checkpoint of version 0.1: is read, says that it has no checksums, counts samples") {
  const OldRun run;
  const LoadedCheckpoint last = load_checkpoint(run.path());
  CHECK(last.meta.step == 6);
  CHECK(last.meta.epoch == 1);
  CHECK(last.meta.samples_in_epoch == 32);  // 2 batches of 16
  REQUIRE(last.notes.size() == 1);
  CHECK(last.notes.front().find("of version 0.1, which wrote no checksums") != std::string::npos);
}

TEST_CASE("checkpoint of version 0.1: the averages are the model, the trained weights the state") {
  const OldRun run;
  const TensorFile stored = read_safetensors(run.checkpoints() / "step-4/model.safetensors");
  const TensorFile state = read_safetensors(run.checkpoints() / "step-4/state.safetensors");
  const LoadedCheckpoint loaded = load_checkpoint(run.path(), CheckpointChoice::kBest);
  const Tensor averages = state.f32("ema");
  const Tensor trained = loaded.state.f32("weights");
  CHECK(loaded.state.find("ema") == nullptr);
  std::int64_t at = 0;
  for (const StoredTensor& tensor : stored.tensors) {
    const Tensor was = stored.f32(tensor.name);
    const Tensor is = loaded.model.f32(tensor.name);
    for (std::int64_t i = 0; i < was.numel(); ++i) {
      REQUIRE(is.f32()[i] == averages.f32()[at + i]);
      REQUIRE(was.f32()[i] == trained.f32()[at + i]);
    }
    at += (was.numel() + 15) / 16 * 16;
  }
  CHECK(at == averages.numel());
  // The same as the model that evaluates.
  SavedModel saved = load_saved_model(run.path());
  for (const NamedTensor& weights : named_values(saved.learner->model().parameters)) {
    const Tensor is = loaded.model.f32(weights.name);
    for (std::int64_t i = 0; i < is.numel(); ++i) {
      REQUIRE(is.f32()[i] == weights.tensor.f32()[i]);
    }
  }
}

}  // namespace
}  // namespace tessera
