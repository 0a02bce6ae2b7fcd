#include "study/grid.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>

#include "data/loader.h"
#include "tests/study/study_support.h"
#include "train/config/config.h"
#include "train/open_split.h"
#include "train/trainer.h"

namespace tessera {
namespace {

using test::errors_of_study;
using test::study_of;

std::vector<std::string> names_of(const std::vector<Cell>& cells) {
  std::vector<std::string> names;
  for (const Cell& cell : cells) names.push_back(cell.name);
  return names;
}

TEST_CASE("cells are all combinations, each a whole configuration") {
  const std::vector<Cell> cells = make_grid(study_of(R"(
axes:
  model.patch_size: [2, 4]
  head: {plain: , wide: {model.mlp_ratio: 2.0}}
seeds: [6, 7]
)"));
  CHECK(names_of(cells) ==
        std::vector<std::string>{"patch_size 2, head plain", "patch_size 2, head wide",
                                 "patch_size 4, head plain", "patch_size 4, head wide"});
  CHECK(cells[1].config.model.patch_size == Size2{2, 2});
  CHECK(cells[1].config.model.mlp_ratio == 2.0);
  CHECK(cells[2].config.model.mlp_ratio == 4.0);
  CHECK(cells[2].config.model.embed_dim == 16);
  CHECK(cells[3].config.train.seed == 6);
  CHECK(config_of(cells[3], 7).train.seed == 7);
  CHECK(cells[3].labels == std::vector<std::string>{"4", "wide"});
}

TEST_CASE("axes of the same last word keep their whole names") {
  const Study study = study_of(R"(
axes: {model.patch_embed.type: [linear], optim.name: [sgd], data.name: [synthetic]}
seeds: [0]
)");
  CHECK(axis_titles(study) == std::vector<std::string>{"type", "optim.name", "data.name"});
}

TEST_CASE("a cell is compared with the baseline of the axes that the study names") {
  const std::string axes = R"(
axes: {model.patch_size: [2, 4], model.mlp_ratio: [1.0, 2.0]}
seeds: [0]
)";
  const auto baselines = [&](const std::string& baseline) {
    std::vector<std::size_t> indices;
    for (const Cell& cell : make_grid(study_of(axes + baseline))) indices.push_back(cell.baseline);
    return indices;
  };
  using Indices = std::vector<std::size_t>;
  CHECK(baselines("") == Indices{0, 0, 0, 0});
  CHECK(baselines("baseline: {model.mlp_ratio: 2.0}\n") == Indices{1, 1, 3, 3});
  CHECK(baselines("baseline: {model.patch_size: 4, model.mlp_ratio: 1.0}\n") ==
        Indices{2, 2, 2, 2});
  CHECK(errors_of_study(axes + "skip: [{model.mlp_ratio: 1.0, model.patch_size: 2}]\n") ==
        "s.yaml: baseline: patch_size 2, mlp_ratio 1.0, with which patch_size 2, mlp_ratio 2.0 is "
        "compared, is left out by skip");
}

TEST_CASE("skipped cells are left out") {
  const std::string axes = R"(
axes: {model.patch_size: [2, 4], model.mlp_ratio: [1.0, 2.0]}
seeds: [0]
)";
  CHECK(names_of(
            make_grid(study_of(axes + "skip: [{model.mlp_ratio: 2.0, model.patch_size: 2}]\n"))) ==
        std::vector<std::string>{"patch_size 2, mlp_ratio 1.0", "patch_size 4, mlp_ratio 1.0",
                                 "patch_size 4, mlp_ratio 2.0"});
  CHECK(errors_of_study(axes + "skip: [{model.patch_size: 2}, {model.patch_size: 4}]\n") ==
        "s.yaml: skip leaves no cell to train");
}

TEST_CASE("impossible cells are named, each mistake once") {
  CHECK(errors_of_study(R"(
axes: {model.patch_size: [4, 32, 40], model.mlp_ratio: [1.0, 2.0]}
seeds: [0]
)") == "s.yaml:2:47: [model] image_size 32x32 at patch_size 32x32 shrinks to one token before "
       "stage 2 of 2 (stage 1: 1x1); use at most 1 stage or smaller patches (cell patch_size 32, "
       "mlp_ratio 1.0; patch_size 32, mlp_ratio 2.0; skip leaves cells out)\n"
       "s.yaml:6:34: [model] patch_size 40x40 is larger than image_size 32x32 (cell patch_size "
       "40, mlp_ratio 1.0; patch_size 40, mlp_ratio 2.0; skip leaves cells out)");
  CHECK(errors_of_study("axes: {model.patch_size: [2, [2, 2]]}\nseeds: [0]\n") ==
        "s.yaml: axes: the cells patch_size 2 and patch_size [2, 2] are the same configuration; "
        "leave one out");
  CHECK(errors_of_study("axes: {data.name: [none]}\nseeds: [0]\n").find("needs a data set") !=
        std::string::npos);
}

/// The first `count` batches of an epoch's images, as one vector.
std::vector<float> images_of(const Config& config, std::int64_t epoch, int count) {
  const std::unique_ptr<Dataset> dataset = open_split(config, Split::kTrain);
  Loader loader(*dataset, training_options(config));
  loader.start_epoch(epoch);
  std::vector<float> pixels;
  Batch batch;
  for (int i = 0; i < count; ++i) {
    REQUIRE(loader.next(batch));
    pixels.insert(pixels.end(), batch.images.span().begin(), batch.images.span().end());
  }
  return pixels;
}

TEST_CASE("all cells of a seed see the same images in the same order") {
  const std::vector<Cell> cells =
      make_grid(study_of(R"(
axes:
  model.patch_size: [2, 8]
  size: {small: {model.embed_dim: 8, model.drop_path: 0.0}, large: {model.depths: [2, 2]}}
seeds: [0, 1]
)",
                         {"data.augment.crop_padding=2", "data.augment.flip=true"}));
  const std::vector<float> first = images_of(config_of(cells[0], 0), 1, 3);
  for (const Cell& cell : cells) {
    CAPTURE(cell.name);
    CHECK(images_of(config_of(cell, 0), 1, 3) == first);
    CHECK(images_of(config_of(cell, 1), 1, 3) != first);
  }
}

}  // namespace
}  // namespace tessera
