#include "train/checkpoint.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits>
#include <set>

#include "core/error.h"
#include "formats/weights/load_weights.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/subprocess.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_in_child;
using test::error_of;
using test::read_text;
using test::ScratchFolder;
using test::write_text;

/// A checkpoint whose every number is `step`.
CheckpointData data_of(std::int64_t step, std::int64_t elements = 8) {
  CheckpointData data;
  data.meta.step = step;
  data.meta.epoch = step / 10;
  data.meta.samples_in_epoch = step % 10;
  data.meta.metric = 0.1;
  data.meta.best_metric = 1.0 / 3.0;
  data.meta.config = "model: {name: \"swin\"}\n# \u00e9\n";
  data.model = {{"norm.weight", Tensor::full({elements}, static_cast<float>(step))}};
  data.state = {{"optim.m", Tensor::full({elements}, static_cast<float>(-step))}};
  return data;
}

std::set<std::string> all_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

/// The step that `folder/last` holds, after checking that all its parts are of that step.
std::int64_t step_of(const fs::path& folder, CheckpointChoice choice = CheckpointChoice::kLast) {
  const LoadedCheckpoint loaded = load_checkpoint(folder, choice);
  const auto step = static_cast<float>(loaded.meta.step);
  CHECK(loaded.model.f32("norm.weight").f32()[0] == step);
  CHECK(loaded.state.f32("optim.m").f32()[0] == -step);
  return loaded.meta.step;
}

TEST_CASE("checkpoint: everything comes back, by the run, its checkpoints or one of them") {
  const ScratchFolder run;
  const CheckpointData data = data_of(123);
  save_checkpoint(run / "checkpoints", data, true);
  for (const char* path :
       {"", "checkpoints", "checkpoints/step-123", "checkpoints/last", "checkpoints/best"}) {
    const LoadedCheckpoint loaded = load_checkpoint(run / path);
    CHECK(loaded.resumable);
    CHECK(loaded.meta.step == 123);
    CHECK(loaded.meta.epoch == 12);
    CHECK(loaded.meta.samples_in_epoch == 3);
    CHECK(loaded.notes.empty());
    CHECK(loaded.meta.metric == 0.1);
    CHECK(loaded.meta.best_metric == 1.0 / 3.0);
    CHECK(loaded.meta.config == data.meta.config);
    CHECK(loaded.path == fs::canonical(run / "checkpoints/step-123/model.safetensors"));
    const std::vector<NamedTensor> model{{"norm.weight", Tensor::zeros({8})}};
    load_weights(loaded.model, model);
    CHECK(model[0].tensor.f32()[7] == 123.0f);
    const std::vector<NamedTensor> state{{"optim.m", Tensor::zeros({8})}};
    restore_tensors(loaded.state, state);
    CHECK(state[0].tensor.f32()[7] == -123.0f);
  }
  const LoadedCheckpoint bare = load_checkpoint(run / "checkpoints/step-123/model.safetensors");
  CHECK(!bare.resumable);
  CHECK(bare.model.tensors.size() == 1);
  CHECK(bare.state.tensors.empty());
}

TEST_CASE("checkpoint: the same data give the same bytes") {
  const ScratchFolder a;
  const ScratchFolder b;
  save_checkpoint(a.path(), data_of(5), false);
  save_checkpoint(b.path(), data_of(5), false);
  for (const char* name : {"model.safetensors", "state.safetensors", "meta.json"}) {
    CHECK(read_text(a / "step-5" / name) == read_text(b / "step-5" / name));
    CHECK(!read_text(a / "step-5" / name).empty());
  }
  CHECK(read_text(a / kIndexFile) == read_text(b / kIndexFile));
  CHECK(all_in(a / "step-5").size() == 3);
}

TEST_CASE("checkpoint: metrics that are missing or not a number") {
  const ScratchFolder folder;
  CheckpointData data = data_of(1);
  data.meta.metric = std::nullopt;
  data.meta.best_metric = std::numeric_limits<double>::quiet_NaN();
  save_checkpoint(folder.path(), data, false);
  CHECK(!load_checkpoint(folder.path()).meta.metric);
  CHECK(!load_checkpoint(folder.path()).meta.best_metric);
}

TEST_CASE("checkpoint: the last stands in for the best until there is one") {
  const ScratchFolder folder;
  save_checkpoint(folder.path(), data_of(10), false);
  CHECK(step_of(folder.path(), CheckpointChoice::kBest) == 10);
  save_checkpoint(folder.path(), data_of(20), true);
  save_checkpoint(folder.path(), data_of(30), false);
  CHECK(step_of(folder.path(), CheckpointChoice::kBest) == 20);
}

TEST_CASE("checkpoint: last and best are kept, the others removed") {
  const ScratchFolder folder;
  for (const std::int64_t step : {10, 20, 30})
    save_checkpoint(folder.path(), data_of(step), step == 20);
  fs::create_directory(folder / "step-by-step");
  write_text(folder / "notes.txt", "mine");
  CHECK(step_of(folder.path()) == 30);
  CHECK(step_of(folder.path(), CheckpointChoice::kBest) == 20);
  CHECK(!fs::exists(folder / "step-10"));
  CHECK(read_index(folder.path())->last == "step-30");

  save_checkpoint(folder.path(), data_of(40), true);
  CHECK(step_of(folder.path(), CheckpointChoice::kBest) == 40);
  CHECK(all_in(folder.path()) ==
        std::set<std::string>{kIndexFile, "step-40", "step-by-step", "notes.txt"});
}

TEST_CASE("checkpoint: a step that was saved before is replaced") {
  const ScratchFolder folder;
  save_checkpoint(folder.path(), data_of(10), true);
  CheckpointData data = data_of(10);
  data.meta.config = "second";
  save_checkpoint(folder.path(), data, false);
  CHECK(load_checkpoint(folder.path()).meta.config == "second");
  CHECK(load_checkpoint(folder.path(), CheckpointChoice::kBest).meta.config != "second");
  CHECK(all_in(folder.path()) == std::set<std::string>{kIndexFile, "step-10.2", "step-10"});
  save_checkpoint(folder.path(), data, true);
  CHECK(all_in(folder.path()) == std::set<std::string>{kIndexFile, "step-10.3"});
  save_checkpoint(folder.path(), data_of(20), true);
  CHECK(all_in(folder.path()) == std::set<std::string>{kIndexFile, "step-20"});
}

TEST_CASE("checkpoint: what a crash leaves is cleaned up by the next save") {
  const ScratchFolder folder;
  save_checkpoint(folder.path(), data_of(10), false);
  fs::create_directory(folder / ".tmp-step-20");
  write_text(folder / ".tmp-step-20" / "model.safetensors", "half");
  fs::create_symlink("step-20", folder / ".tmp-last");
  write_text(folder / (std::string(".") + kIndexFile + ".tmp-1"), "half");
  fs::create_directory(folder / "step-15");
  CHECK(step_of(folder.path()) == 10);
  save_checkpoint(folder.path(), data_of(20), false);
  CHECK(step_of(folder.path()) == 20);
  CHECK(all_in(folder.path()) == std::set<std::string>{kIndexFile, "step-20"});
}

TEST_CASE("checkpoint: a process killed at any moment leaves a checkpoint that loads") {
  const ScratchFolder folder;
  save_checkpoint(folder.path(), data_of(1, 1 << 14), true);
  std::vector<CheckpointData> data;
  for (const std::int64_t step : {2, 3, 3, 4}) data.push_back(data_of(step, 1 << 14));
  for (unsigned int milliseconds = 1; milliseconds <= 12; ++milliseconds) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (std::size_t i = 0;; ++i) save_checkpoint(folder.path(), data[i % 4], i % 2 == 0);
    }
    ::usleep(milliseconds * 1000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    step_of(folder.path());
    step_of(folder.path(), CheckpointChoice::kBest);
  }
  save_checkpoint(folder.path(), data_of(5), true);
  CHECK(all_in(folder.path()) == std::set<std::string>{kIndexFile, "step-5"});
}

TEST_CASE("checkpoint: a full disk keeps the last good one and leaves no temporaries") {
  const ScratchFolder folder;
  save_checkpoint(folder.path(), data_of(10), true);
  CheckpointData large = data_of(20, 1 << 14);
  // The model alone fits under the second limit: the state does not.
  CheckpointData large_state = large;
  large_state.model = data_of(20).model;
  for (const CheckpointData* data : {&large, &large_state}) {
    const std::string error = error_in_child({.file_bytes = 1 << 14}, [&] {
      return error_of<CheckpointError>([&] { save_checkpoint(folder.path(), *data, true); });
    });
    CHECK(error.find("safetensors: File too large") != std::string::npos);
    CHECK(step_of(folder.path()) == 10);
    CHECK(all_in(folder.path()) == std::set<std::string>{kIndexFile, "step-10"});
  }
}

TEST_CASE("checkpoint: a folder that may not be written says so") {
  const ScratchFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec |
                                     fs::perms::others_read | fs::perms::others_exec);
  const CheckpointData data = data_of(1);
  for (const fs::path& target : {folder.path(), folder / "checkpoints"}) {
    const std::string error = error_in_child({.unprivileged = true}, [&] {
      return error_of<CheckpointError>([&] { save_checkpoint(target, data, false); });
    });
    CHECK(error.find("Permission denied") != std::string::npos);
    CHECK(error.find(folder.path().string()) != std::string::npos);
  }
  fs::permissions(folder.path(), fs::perms::owner_all);
  CHECK(all_in(folder.path()).empty());
  write_text(folder / "file", "");
  CHECK_THROWS_AS(save_checkpoint(folder / "file", data, false), CheckpointError);
}

TEST_CASE("checkpoint: what is missing or damaged is named") {
  const ScratchFolder folder;
  const auto error = [&](const fs::path& path) {
    return error_of<CheckpointError>([&] { load_checkpoint(path); });
  };
  CHECK(error(folder / "none").find("none: does not exist") != std::string::npos);
  CHECK(error(folder.path()).find("no checkpoint \"last\" in it") != std::string::npos);
  save_checkpoint(folder.path(), data_of(1), false);

  fs::remove(folder / "step-1" / "state.safetensors");
  CHECK(error(folder.path()).find("state.safetensors: No such file") != std::string::npos);
  fs::remove_all(folder / "step-1");
  CHECK(error(folder.path()).find("names \"step-1\", which is not there") != std::string::npos);
}

}  // namespace
}  // namespace tessera
