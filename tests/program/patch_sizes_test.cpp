// One training, every patch size.
#include <nlohmann/json.hpp>

#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::has;
using test::Outcome;
using test::read_text;
using test::Runs;
using test::tessera;

constexpr const char* kFlexibleConfig = R"(
model: {patch_size: 4, patch_sizes: [2, 4, 8], embed_dim: 16, depths: [1, 1], num_heads: [2, 4],
        window_size: 4, drop_path: 0}
data: {name: synthetic, batch_size: 16, train_samples: 96, test_samples: 32}
optim: {lr: 2.0e-3, ema: 0.8, schedule: {name: constant}}
train: {epochs: 3, seed: 3, threads: 1, checkpoint_every: 4, tensorboard: false}
)";

TEST_CASE("patch sizes: trained once, tested at every one, as a table, JSON and curve") {
  const Runs runs(kFlexibleConfig);
  REQUIRE(runs.train("run").code == 0);
  const std::string run = runs / "run", curve = runs / "curve.svg";
  const Outcome table = tessera({"eval", run, "--curve", curve});
  REQUIRE_MESSAGE(table.code == 0, table.err);
  for (const char* text : {"2 *", "4 *", "8 *", "images/s", "±", "of 32 images"}) {
    CAPTURE(text);
    CHECK(has(table.out, text));
  }
  CHECK(has(read_text(curve), "<svg"));
  const Outcome listed = tessera({"eval", run, "--patch-size", "4,3", "--json"});
  REQUIRE_MESSAGE(listed.code == 0, listed.err);
  const json rows = json::parse(listed.out)["patch_sizes"];
  const json plain = json::parse(tessera({"eval", run, "--json"}).out);
  CHECK(rows[0]["loss"] == plain["loss"]);  // at the configured size nothing is changed
  CHECK(rows[0]["tokens"] == json({8, 8}));
  CHECK(rows[1]["tokens"] == json({10, 10}));
  CHECK(rows[1]["top1_half_interval"].is_number());
  const Outcome exported = tessera({"export", run, runs / "m.onnx"});
  CHECK(exported.code == 2);
  CHECK(exported.has_one_line());
  CHECK(has(exported.err, "model.patch_sizes"));
}

TEST_CASE("patch sizes: stopped and gone on with, the same bytes") {
  const Runs runs(kFlexibleConfig);
  REQUIRE(runs.train("whole").code == 0);
  REQUIRE(runs.train("run", {"train.max_steps=7"}).code == 0);
  REQUIRE(runs.resume("run", {"train.max_steps=0"}).code == 0);
  const fs::path whole = test::checkpoint_of(runs / "whole", CheckpointChoice::kLast);
  const fs::path parts = test::checkpoint_of(runs / "run", CheckpointChoice::kLast);
  for (const char* name : {"model.safetensors", "state.safetensors"}) {
    CHECK(read_text(whole / name) == read_text(parts / name));
  }
}

TEST_CASE("patch sizes: weights of one size start a model of several, and the other way round") {
  const Runs runs(kFlexibleConfig);
  REQUIRE(runs.train("one", {"model.patch_sizes=auto", "train.epochs=1"}).code == 0);
  const Outcome several =
      runs.train("several", {"init.weights=" + (runs / "one").string(), "train.epochs=1"});
  REQUIRE_MESSAGE(several.code == 0, several.err);
  CHECK(has(several.out + several.err, "resized by pseudo-inverse from 4x4 to 8x8 pixels"));
  const Outcome one = runs.train("again", {"model.patch_sizes=auto", "train.epochs=1",
                                           "init.weights=" + (runs / "several").string()});
  REQUIRE_MESSAGE(one.code == 0, one.err);
  CHECK(has(one.out + one.err, "resized by pseudo-inverse from 8x8 to 4x4 pixels"));
}

}  // namespace
}  // namespace tessera
