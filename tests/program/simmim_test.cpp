// Learning from images alone, from a folder or a data set to figures, pictures and what starts from
// it.
#include <nlohmann/json.hpp>

#include "data/images/image.h"
#include "tests/data/image_tree.h"
#include "tests/program/run_folder.h"
#include "tests/support/event_reader.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::files_of;
using test::has;
using test::Outcome;
using test::read_text;
using test::Runs;
using test::tessera;

/// Shapes on a ground of one colour, of which a third is enough to tell the ground.
constexpr const char* kFillingConfig = R"(
task: {name: simmim, mask_size: 4}
model: {patch_size: 2, embed_dim: 16, depths: [1, 1], num_heads: [2, 4], window_size: 4, drop_path: 0}
data: {name: synthetic, batch_size: 16, train_samples: 128, test_samples: 32, augment: {flip: true}}
optim: {lr: 3.0e-3, ema: 0.8, schedule: {name: constant}}
train: {epochs: 3, seed: 3, threads: 1, checkpoint_every: 5}
)";

TEST_CASE("simmim: trained, tested with the same masks each time, shown and filled in") {
  const Runs runs(kFillingConfig);
  const Outcome trained = runs.train("run");
  REQUIRE_MESSAGE(trained.code == 0, trained.err);
  const std::string run = runs / "run";
  std::vector<double> losses;
  for (const json& line : test::lines_of(runs / "run" / "metrics.jsonl")) {
    if (line.contains("val/explained")) losses.push_back(line["val/loss"].get<double>());
  }
  REQUIRE(losses.size() == 3);
  CHECK(losses.back() < 0.9 * losses.front());

  const Outcome eval = tessera({"eval", run, "--json"});
  REQUIRE_MESSAGE(eval.code == 0, eval.err);
  const json figures = json::parse(eval.out);
  CHECK(figures["samples"] == 32);
  CHECK(figures["explained"].get<double>() > 0.1);
  CHECK(*std::ranges::min_element(losses) == doctest::Approx(figures["loss"].get<double>()));
  CHECK(json::parse(tessera({"eval", run, "--json", "--set", "data.batch_size=5"}).out)["loss"]
            .get<double>() == doctest::Approx(figures["loss"].get<double>()).epsilon(1e-6));

  const test::EventLog log = test::read_events(runs / "run" / "tb");
  CHECK(log.steps("images/val") == std::vector<std::int64_t>{8, 16, 24});
  const std::string page = runs / "report.html";
  const Outcome report = tessera({"report", run, "--out", page});
  REQUIRE_MESSAGE(report.code == 0, report.err);
  const std::string html = read_text(page);
  CHECK(has(html, "filled in"));
  CHECK(has(html, "of the variance of hidden pixels"));

  const Image photo{{40, 30, 3}, std::vector<std::uint8_t>(3600, 90)};
  write_png(runs / "photo.png", photo);
  CHECK(tessera({"predict", run, runs / "photo.png"}).code == 2);
  const Outcome filled =
      tessera({"predict", run, runs / "photo.png", "--out", runs / "out", "--json"});
  REQUIRE_MESSAGE(filled.code == 0, filled.err);
  const Image strip = load_image(json::parse(filled.out).at(0)["picture"].get<std::string>(), 3);
  CHECK(strip.shape == ImageShape{32, 96, 3});
}

TEST_CASE("simmim: stopped and gone on with, the same bytes") {
  const Runs runs(kFillingConfig);
  REQUIRE(runs.train("whole").code == 0);
  REQUIRE(runs.train("run", {"train.max_steps=11"}).code == 0);
  REQUIRE(runs.resume("run", {"train.max_steps=0"}).code == 0);
  const fs::path whole = test::checkpoint_of(runs / "whole", CheckpointChoice::kLast);
  const fs::path parts = test::checkpoint_of(runs / "run", CheckpointChoice::kLast);
  for (const char* name : {"model.safetensors", "state.safetensors"}) {
    CHECK(read_text(whole / name) == read_text(parts / name));
  }
  const auto lines = [&](const char* run) { return test::lines_of(runs / run / "metrics.jsonl"); };
  CHECK(lines("whole").back() == lines("run").back());
}

TEST_CASE("simmim: its run starts a classifier and a model of pixels, the decoder is passed over") {
  const Runs runs(kFillingConfig);
  REQUIRE(runs.train("run", {"train.epochs=1"}).code == 0);
  const std::string weights = "init.weights=" + (runs / "run").string();
  const Outcome classifier =
      runs.train("classifier", {"task.name=classification", weights, "train.epochs=1"});
  REQUIRE_MESSAGE(classifier.code == 0, classifier.err);
  const std::string told = classifier.out + classifier.err;
  CHECK(has(told,
            "the head starts anew (2 tensors); that of the file, of another task, is left "
            "out (2)"));
  CHECK(has(told, "mask_token"));
  CHECK(!has(told, "norm"));
  const Outcome again = runs.train("again", {weights, "train.epochs=1"});
  REQUIRE_MESSAGE(again.code == 0, again.err);
  CHECK(!has(again.out + again.err, "anew"));
  const Outcome from_classes =
      runs.train("on", {"init.weights=" + (runs / "classifier").string(), "train.epochs=1"});
  REQUIRE_MESSAGE(from_classes.code == 0, from_classes.err);
  CHECK(has(from_classes.out + from_classes.err, "mask_token: not in the file"));

  const Outcome dense = tessera({"inspect", runs.config(), "--set", "task.name=segmentation"});
  CHECK(dense.code == 2);
  CHECK(has(dense.err, "model.head.type"));
}

TEST_CASE("simmim: photos without labels in one folder; what it cannot do is said in a line") {
  const Runs runs(kFillingConfig);
  for (int i = 0; i < 40; ++i) {
    const auto shade = static_cast<std::uint8_t>(20 + 5 * i);
    const fs::path place = runs / fmt::format("photos/{}/all/{}.png", i < 32 ? "train" : "val", i);
    fs::create_directories(place.parent_path());
    write_png(place, {{24 + i, 30, 3},
                      std::vector<std::uint8_t>(static_cast<std::size_t>(90 * (24 + i)), shade)});
  }
  const Outcome trained =
      runs.train("run", {"data.name=image_folder", "data.root=" + (runs / "photos").string(),
                         "data.train_samples=0", "data.test_samples=0", "model.image_size=16",
                         "train.epochs=2"});
  REQUIRE_MESSAGE(trained.code == 0, trained.err);
  const std::string run = runs / "run";
  for (const std::vector<std::string>& refused :
       std::vector<std::vector<std::string>>{{"eval", run, "--tta", "flip"},
                                             {"eval", run, "--patch-size", "4"},
                                             {"export", run, runs / "m.onnx"},
                                             {"attention", run, runs / "photo.png"},
                                             {"mistakes", run}}) {
    CAPTURE(refused.front());
    const Outcome outcome = tessera(refused);
    CHECK(outcome.code == 2);
    CHECK(outcome.has_one_line());
  }
  const Outcome square = runs.train("none", {"task.mask_size=32"});
  CHECK(square.code == 2);
  CHECK(has(square.err, "hides 1 of the 1 squares"));
}

}  // namespace
}  // namespace tessera
