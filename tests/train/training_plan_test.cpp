#include "train/training_plan.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "train/config/config.h"

namespace tessera {
namespace {

Config config_of(const std::vector<std::string>& overrides) {
  return parse_config(
      "{data: {name: synthetic, train_samples: 160, batch_size: 16}, train: {epochs: 3}}", "",
      overrides);
}

TEST_CASE("a warm-up that is longer than the run, and cycles too short to fall, are told") {
  const auto notices = [](const std::vector<std::string>& overrides) {
    const Config config = config_of(overrides);
    return schedule_notices(config, training_length(config, 160));
  };
  CHECK(notices({}).empty());
  CHECK(notices({"optim.schedule.warmup_epochs=2.9"}).empty());
  CHECK(notices({"optim.schedule.warmup_epochs=5"}) ==
        std::vector<std::string>{
            "optim.schedule.warmup_epochs 5 is 50 updates in a run of 30: the learning rate rises "
            "in all of them, and the cosine schedule never begins"});
  CHECK(notices({"optim.schedule.warmup_epochs=1", "train.max_steps=10"}).size() == 1);
  CHECK(notices({"optim.schedule.cycles=15"}).empty());
  CHECK(notices({"optim.schedule.cycles=16"}) ==
        std::vector<std::string>{
            "optim.schedule.cycles 16 in 30 updates: most of them are too short to fall"});
}

TEST_CASE("a training set that fills no update has no length") {
  CHECK_THROWS_AS(training_length(config_of({}), 15), ConfigError);
  CHECK(training_length(config_of({}), 16).steps_per_epoch == 1);
}

}  // namespace
}  // namespace tessera
