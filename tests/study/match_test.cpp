#include <doctest/doctest.h>

#include "study/cell_plan.h"
#include "tests/study/study_support.h"

namespace tessera {
namespace {

using test::study_of;

std::vector<Cell> cells_of(const std::string& text) {
  return make_grid(study_of(text + "seeds: [0]\n"));
}

TEST_CASE("macs: the width that comes nearest, and no legal one nearer") {
  std::vector<Cell> cells = cells_of("axes: {model.patch_size: [4, 2, 8]}\n");
  match_width(Match::kMacs, cells);
  const std::int64_t target = plan_cell(cells[0].config).macs;
  CHECK(cells[0].config.model.embed_dim == 16);
  CHECK(cells[0].changes.empty());
  for (const std::size_t i : {1u, 2u}) {
    const Config& config = cells[i].config;
    CAPTURE(cells[i].name);
    CHECK((config.model.embed_dim < 16) == (i == 1));
    CHECK(config.model.embed_dim % 2 == 0);  // two heads
    const std::int64_t distance = std::abs(plan_cell(config).macs - target);
    for (const std::int64_t step : {-2, 2}) {
      Config other = config;
      other.model.embed_dim += step;
      CHECK(std::abs(plan_cell(other).macs - target) >= distance);
    }
    REQUIRE(cells[i].changes.size() == 1);
    CHECK(cells[i].changes[0].key == "model.embed_dim");
    CHECK(cells[i].changes[0].before == "16");
    CHECK(cells[i].changes[0].after == std::to_string(config.model.embed_dim));
  }
}

TEST_CASE("params: a deeper model becomes narrower, each beside its own baseline") {
  std::vector<Cell> cells = cells_of(R"(
axes: {model.patch_size: [2, 4], model.depths: [[1, 1], [2, 2]]}
baseline: {model.depths: [1, 1]}
)");
  match_width(Match::kParams, cells);
  for (const std::size_t i : {0u, 2u}) {
    const auto base = static_cast<double>(plan_cell(cells[i].config).parameters);
    const auto deeper = static_cast<double>(plan_cell(cells[i + 1].config).parameters);
    CHECK(cells[i].changes.empty());
    CHECK(cells[i + 1].config.model.embed_dim < 16);
    CHECK(deeper / base == doctest::Approx(1.0).epsilon(0.15));
  }
}

TEST_CASE("tokens: four times the tokens an image, a quarter of the updates, warm-up with them") {
  std::vector<Cell> cells = cells_of(
      "optim: {schedule: {warmup_epochs: 0.5, name: step, milestones: [1.0]}}\n"
      "axes: {model.patch_size: [4, 2, 8]}\n");
  match_length(Match::kTokens, 0.0, {}, cells);
  const auto length = [&](std::size_t i) { return plan_cell(cells[i].config).length; };
  CHECK(length(0).total_steps == 40);  // 2 epochs of 320 / 16
  CHECK(length(1).total_steps == 10);
  CHECK(length(1).evaluations == 1);
  CHECK(length(2).total_steps == 160);
  CHECK(length(2).evaluations == 8);
  CHECK(cells[1].config.optim.schedule.warmup_epochs == 0.125);
  CHECK(cells[2].config.optim.schedule.milestones == std::vector<double>{4.0});
  CHECK(cells[1].changes.at(0).key == "train.max_steps");
  CHECK(cells[1].changes.at(0).before == "40");
  CHECK(cells[0].changes.empty());
}

TEST_CASE("time: as long as the baseline, or as the budget says") {
  const std::vector<CellSpeed> speeds{{320.0, 1000.0}, {80.0, 1000.0}};
  std::vector<Cell> cells = cells_of("axes: {model.patch_size: [4, 2]}\n");
  match_length(Match::kTime, 0.0, speeds, cells);
  CHECK(plan_cell(cells[0].config).length.total_steps == 40);
  CHECK(plan_cell(cells[1].config).length.total_steps == 10);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(training_seconds(cells[i].config, plan_cell(cells[i].config), speeds[i]) ==
          doctest::Approx(2.0));
  }
  match_length(Match::kTime, 4.0, speeds, cells);
  CHECK(plan_cell(cells[0].config).length.total_steps == 80);
  CHECK(plan_cell(cells[1].config).length.total_steps == 20);
}

TEST_CASE("the length of a training") {
  Config config = cells_of("axes: {model.patch_size: [4]}\n")[0].config;
  const auto is = [&](std::int64_t steps, std::int64_t evaluations) {
    const TrainingLength length = training_length(config, 320);
    CHECK(length.steps_per_epoch == 20);
    CHECK(length.total_steps == steps);
    CHECK(length.evaluations == evaluations);
  };
  is(40, 2);
  config.train.epochs = 5;
  config.train.eval_every = 2;
  is(100, 3);
  config.train.max_steps = 81;
  is(81, 3);
  config.train.max_steps = 80;
  is(80, 2);
  config.train.max_steps = 7;
  is(7, 1);
  CHECK(test::error_of<ConfigError>([&] {
          training_length(config, 15);
        }).find("do not fill one update") != std::string::npos);
}

}  // namespace
}  // namespace tessera
