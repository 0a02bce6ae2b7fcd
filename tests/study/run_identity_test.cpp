// What a study knows its runs and speeds by.
#include "study/run_identity.h"

#include <doctest/doctest.h>

#include "formats/json.h"
#include "study/speeds.h"
#include "study/study_folder.h"
#include "tests/study/study_support.h"
#include "train/config/config.h"

namespace tessera {
namespace {

using test::ScratchFolder;
using test::study_of;

Config config_with(const std::vector<std::string>& overrides) {
  return parse_config(test::kStudyBase, "c.yaml", overrides);
}

TEST_CASE("run identity: how a machine goes about a run is no part of it") {
  const RunIdentity identity;
  const std::string own = identity.of(config_with({}));
  for (const std::vector<std::string>& overrides : {std::vector<std::string>{"train.threads=3"},
                                                    {"data.workers=5"},
                                                    {"train.tensorboard=false"},
                                                    {"train.recompute=blocks"},
                                                    {"train.checkpoint_every=7"},
                                                    {"train.out=elsewhere"},
                                                    {"data.workers=0", "train.threads=1"}}) {
    CAPTURE(overrides.front());
    CHECK(identity.of(config_with(overrides)) == own);
  }
  for (const char* override :
       {"train.seed=1", "optim.lr=0.5", "train.precision=bf16", "data.batch_size=8"}) {
    CAPTURE(override);
    CHECK(identity.of(config_with({override})) != own);
  }
}

TEST_CASE("run identity: what a study is about is part of it all the same") {
  const Study study =
      study_of("axes: {train.threads: [1, 2], data.batch_size: [8, 16]}\nseeds: [0]\n");
  const std::vector<Cell> cells = make_grid(study);
  const RunIdentity identity(cells);
  CHECK(identity.of(cells[0].config) != identity.of(cells[2].config));
  Config other = cells[0].config;
  other.data.workers = 9;
  CHECK(identity.of(other) == identity.of(cells[0].config));
}

TEST_CASE("a study's folder finds a run of another machine, which goes on as this one does") {
  const ScratchFolder scratch;
  const Config there = config_with({"train.threads=64", "data.workers=16"});
  const Config here =
      config_with({"train.threads=2", "train.tensorboard=false", "data.workers=16"});
  std::filesystem::path run;
  {
    StudyFolder folder(scratch / "s", "s");
    run = folder.make_run(there, "cell");
  }
  StudyFolder folder(scratch / "s", "s");
  CHECK(folder.find_run(here) == run);
  CHECK(folder.make_run(here, "cell") == run);
  CHECK(folder.find_run(config_with({"optim.lr=0.5"})).empty());
  CHECK(machine_overrides(there, here) ==
        std::vector<std::string>{"train.threads=2", "train.tensorboard=false"});
  CHECK(machine_overrides(here, here).empty());
}

TEST_CASE("speeds that an older version measured are found, of models of any images") {
  const ScratchFolder scratch;
  const Config config = config_with({"model.image_size=32", "model.in_channels=3"});
  // As version 0.1 wrote it: fewer keys, and a data set whose images are 28 x 28 and grey.
  const std::string key = R"(
model: {name: swin, image_size: [32, 32], in_channels: 3, num_classes: 4, patch_size: [4, 4],
        embed_dim: 16, depths: [1, 1], num_heads: [2, 4], window_size: [4, 4], position: relative}
data: {name: fashion_mnist, batch_size: 16}
train: {precision: f32}
)";
  const Json file = {
      {{"config", key}, {"train_images_per_s", 123.0}, {"test_images_per_s", 456.0}}};
  test::write_text(scratch / "speeds.json", file.dump());
  Speeds speeds(scratch / "speeds.json");
  const std::optional<CellSpeed> speed = speeds.known(config);
  REQUIRE(speed);
  CHECK(speed->train_images_per_s == 123.0);
  CHECK_FALSE(speeds.known(config_with({"model.embed_dim=32"})));
}

}  // namespace
}  // namespace tessera
