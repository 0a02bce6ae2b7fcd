// Where a run stands that is gone on with.
#include "train/resume.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "train/config/config.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

Config config_of(std::int64_t batch, std::int64_t accumulate, std::int64_t max_steps = 0) {
  Config config;
  config.data.batch_size = batch;
  config.data.accumulate = accumulate;
  config.train.epochs = 4;
  config.train.max_steps = max_steps;
  return config;
}

CheckpointMeta meta_of(std::int64_t step, std::int64_t epoch, std::int64_t images) {
  return {.step = step,
          .epoch = epoch,
          .samples_in_epoch = images,
          .metric = {},
          .best_metric = {},
          .config = "",
          .checksums = {{"model.safetensors", "0"}}};
}

RunPosition position(const CheckpointMeta& meta, const Config& config, std::int64_t samples) {
  return position_of(meta, config, training_length(config, samples), samples);
}

TEST_CASE("run position: as counted, where nothing changed") {
  const Config config = config_of(16, 2);
  const RunPosition at = position(meta_of(12, 2, 64), config, 165);  // 5 updates an epoch
  CHECK(at.batch == 4);
  CHECK(at.offset == 0);
  CHECK(at.shift == 0);
  CHECK(at.total == 20);
  CHECK(position(meta_of(12, 2, 64), config_of(16, 2, 14), 165).total == 14);
  CHECK(position(meta_of(20, 4, 0), config, 165).total == 20);
}

TEST_CASE("run position: with other updates or data each step is where the one before leads to") {
  constexpr std::int64_t kSeen = 96, kStep = 16;  // 16 updates of 16 out of 160: 6 in epoch 2
  for (const std::int64_t samples : {160, 171, 96, 90, 400}) {
    for (const std::int64_t batch : {1, 8, 16, 24, 64, 90}) {
      for (const std::int64_t accumulate : {1, 2, 3}) {
        const Config config = config_of(batch, accumulate);
        if (samples < batch * accumulate) continue;
        CAPTURE(samples);
        CAPTURE(batch);
        CAPTURE(accumulate);
        const TrainingLength length = training_length(config, samples);
        RunPosition at = position_of(meta_of(kStep, 1, kSeen), config, length, samples);
        CHECK(at.images(batch) == kSeen);
        CHECK(at.offset < batch);
        const std::int64_t total = at.total, shift = at.shift;
        CHECK(total + shift == length.total_steps);  // the schedule ends with the run
        while (at.epoch < config.train.epochs) {
          if (is_epoch_over(at, config.data, samples)) {
            ++at.epoch;
            at.batch = at.offset = 0;
          } else {
            ++at.step;
            at.batch += accumulate;
            REQUIRE(at.images(batch) <= samples);
          }
          const RunPosition again =
              position_of(meta_of(at.step, at.epoch, at.images(batch)), config, length, samples);
          REQUIRE(again.total == total);
          REQUIRE(again.shift == shift);
          REQUIRE(again.batch == at.batch);
          REQUIRE(again.offset == at.offset);
        }
        CHECK(at.step == total);
      }
    }
  }
}

TEST_CASE("run position: what has no checksum must count as its configuration does") {
  CheckpointMeta meta = meta_of(16, 1, 96);
  meta.checksums.clear();
  const Config config = config_of(16, 1);
  CHECK(position(meta, config, 160).total == 40);
  for (const std::int64_t step : {0, 15, 17, 1'000'000}) {
    meta.step = step;
    CHECK_THROWS_AS(position(meta, config, 160), CheckpointError);
  }
  meta.step = 16;
  for (const std::int64_t images : {90, 97, 112, 1600}) {
    meta.samples_in_epoch = images;
    CHECK_THROWS_AS(position(meta, config, 160), CheckpointError);
  }
  meta.samples_in_epoch = 96;
  meta.epoch = std::int64_t{1} << 53;
  CHECK_THROWS_AS(position(meta, config, 160), CheckpointError);
  meta.checksums = {{"model.safetensors", "0"}};
  CHECK_THROWS_AS(position(meta, config, 160), CheckpointError);
}

}  // namespace
}  // namespace tessera
