// Boxes from the command line: trained, resumed, tested, scored, compared.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/rng.h"
#include "data/images/image.h"
#include "tests/program/mpi.h"
#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::read_text;
using test::Runs;
using test::write_text;

/// `count` grey images with one or two bright rectangles each, of two colours, in COCO's format
/// with ids of its own; the last image has none.
void write_set(const fs::path& root, const std::string& split, int count, int first_id) {
  Rng rng(static_cast<std::uint64_t>(first_id), Stream::kSynthetic, 0, 0);
  nlohmann::json images = nlohmann::json::array(), annotations = nlohmann::json::array();
  for (int i = 0; i < count; ++i) {
    Image image{{32, 48, 3}, std::vector<std::uint8_t>(32 * 48 * 3, 90)};
    const std::string name = split + std::to_string(i) + ".png";
    images.push_back(
        {{"id", first_id + 3 * i}, {"file_name", name}, {"width", 48}, {"height", 32}});
    for (std::uint32_t k = 0; i + 1 < count && k < 1 + rng.below(2); ++k) {
      const std::uint32_t side = 8 + rng.below(8), x = 24 * k + rng.below(24 - side),
                          y = rng.below(32 - side), colour = rng.below(2);
      for (std::uint32_t row = y; row < y + side; ++row) {
        for (std::uint32_t column = x; column < x + side; ++column) {
          image.pixels[(row * 48 + column) * 3 + colour] = 250;
        }
      }
      annotations.push_back({{"id", annotations.size() + 1},
                             {"image_id", first_id + 3 * i},
                             {"category_id", colour == 0 ? 4 : 9},
                             {"bbox", {x, y, side, side}},
                             {"area", side * side},
                             {"iscrowd", 0}});
    }
    write_png(root / name, image);
  }
  const nlohmann::json categories = {{{"id", 4}, {"name", "red"}}, {{"id", 9}, {"name", "green"}}};
  write_text(
      root / "annotations" / ("instances_" + split + ".json"),
      nlohmann::json{{"images", images}, {"annotations", annotations}, {"categories", categories}}
          .dump());
}

std::string config_for(const fs::path& root) {
  return R"(
task: {name: detection}
model: {image_size: [32, 48], patch_size: 4, embed_dim: 16, depths: [1, 1], num_heads: [2, 4],
        window_size: 4, init_std: 0.05,
        head: {type: fcos, channels: 16, convs: 1, groups: 4, levels: [4, 8]}}
data: {name: coco, root: )" +
         root.string() +
         R"(, batch_size: 4, augment: {flip: true, scale: [0.8, 1.2], photometric: true}}
optim: {lr: 5.0e-3, ema: 0.9, schedule: {name: constant}}
train: {epochs: 3, seed: 3, threads: 1, checkpoint_every: 2, tensorboard: false}
)";
}

struct Set {
  Set() {
    fs::create_directories(root() / "annotations");
    write_set(root(), "train", 16, 100);
    write_set(root(), "val", 6, 7);
    write_set(root(), "test", 6, 1000);
  }
  fs::path root() const { return folder.path(); }
  test::ScratchFolder folder;
};

TEST_CASE("a detector trains, goes on after a stop to the same bytes, and is tested") {
  const Set set;
  const Runs runs(config_for(set.root()));
  const Outcome whole = runs.train("whole");
  CAPTURE(whole.err);
  REQUIRE(whole.code == 0);
  REQUIRE(runs.train("run", {"train.max_steps=6"}).code == 0);
  REQUIRE(runs.resume("run", {"train.max_steps=0"}).code == 0);
  const auto updates = [&](const char* run) {  // a stop evaluates once more
    std::vector<nlohmann::json> lines;
    for (const nlohmann::json& line : test::lines_of(runs / run / "metrics.jsonl")) {
      if (line.contains("grad_norm")) lines.push_back(line);
    }
    return lines;
  };
  CHECK(updates("run") == updates("whole"));
  for (const char* name : {"model.safetensors", "state.safetensors"}) {
    CHECK(read_text(test::checkpoint_of(runs / "run", CheckpointChoice::kLast) / name) ==
          read_text(test::checkpoint_of(runs / "whole", CheckpointChoice::kLast) / name));
  }
  const nlohmann::json last = test::lines_of(runs / "whole" / "metrics.jsonl").back();
  for (const char* name : {"val/loss", "val/ap", "val/ap50", "train/loss_box"}) {
    CAPTURE(name);
    CHECK(last.contains(name));
  }

  // The figures of a test are those of the files that it writes, under the ids of the annotations.
  const std::string found = runs.folder() / "found";
  const Outcome eval = test::tessera({"eval", runs / "whole", "--json", "--predictions", found});
  CAPTURE(eval.err);
  REQUIRE(eval.code == 0);
  const nlohmann::json figures = nlohmann::json::parse(eval.out);
  CHECK(figures["images"] == 6);
  CHECK(figures["per_class"][1]["id"] == 9);
  CHECK(figures["best_f1"]["per_class"].size() == 2);
  for (const std::string& truth :
       {found + "/truth.json", (set.root() / "annotations" / "instances_test.json").string()}) {
    CAPTURE(truth);
    const Outcome score = test::tessera({"score", truth, found + "/detections.json", "--json"});
    CAPTURE(score.err);
    REQUIRE(score.code == 0);
    const nlohmann::json scored = nlohmann::json::parse(score.out);
    for (const char* name : {"AP", "AP50", "AP75", "AP_small", "AR1", "AR100"}) {
      CAPTURE(name);
      CHECK(figures["stats"][name].get<double>() ==
            doctest::Approx(scored["stats"][name].get<double>()));
    }
  }

  // So are those of predictions, which know no truths.
  const std::string boxes = runs.folder() / "boxes";
  const std::string truth = (set.root() / "annotations" / "instances_test.json").string();
  std::vector<std::string> predict = {"predict", runs / "whole", "--threshold", "0", "--json"};
  for (int i = 0; i < 6; ++i) {
    predict.push_back((set.root() / ("test" + std::to_string(i) + ".png")).string());
  }
  predict.insert(predict.end(), {"--out", boxes, "--ids", truth});
  const Outcome predicted = test::tessera(predict);
  CAPTURE(predicted.err);
  REQUIRE(predicted.code == 0);
  const Outcome score = test::tessera({"score", truth, boxes + "/detections.json", "--json"});
  REQUIRE(score.code == 0);
  CHECK(figures["stats"]["AP"].get<double>() ==
        doctest::Approx(nlohmann::json::parse(score.out)["stats"]["AP"].get<double>()));
  const nlohmann::json photos = nlohmann::json::parse(predicted.out);
  REQUIRE(photos.size() == 6);
  const nlohmann::json drafts = nlohmann::json::parse(read_text(boxes + "/annotations.json"));
  CHECK(drafts["images"][1]["id"] == 1003);
  CHECK(drafts["categories"][1]["id"] == 9);
  REQUIRE(!photos[0]["boxes"].empty());
  CHECK(drafts["annotations"][0]["bbox"][0] == photos[0]["boxes"][0]["box"][0]);
  CHECK(drafts["annotations"].size() ==
        nlohmann::json::parse(read_text(boxes + "/detections.json")).size());
  std::size_t drawn = 0;
  for (const auto& file : fs::recursive_directory_iterator(boxes + "/drawn")) {
    if (!file.is_regular_file()) continue;
    ++drawn;
    CHECK(load_image(file.path(), 3).shape == ImageShape{32, 48, 3});
  }
  CHECK(drawn == 6);
  const std::string photo = predict[5];
  const Outcome csv = test::tessera(
      {"predict", runs / "whole", photo, "--format", "csv", "--threshold", "0", "--top", "2"});
  CHECK(std::ranges::count(csv.out, '\n') == 3);
  CHECK(csv.out.starts_with("image,class,score,x0,y0,x1,y1\n" + photo + ","));
  CHECK(test::tessera({"predict", runs / "whole", photo, "--threshold", "1"}).out.find("nothing") !=
        std::string::npos);
  CHECK(test::tessera({"predict", runs / "whole", photo, "--copy-to", boxes}).code == 2);
  CHECK(test::tessera({"predict", runs / "whole", photo, "--ids", truth}).code == 2);

  const Outcome table = test::tessera({"eval", runs / "whole", "--confusion"});
  CHECK(table.out.find("AP50") != std::string::npos);
  CHECK(table.out.find("invented") != std::string::npos);
  CHECK(test::tessera({"eval", runs / "whole", "--tta", "flip"}).code == 2);

  const std::string fixed = runs.folder() / "fixed";
  const Outcome check = test::tessera({"data", "check", runs.config(), "--write-fixed", fixed});
  CHECK(check.err.find("3 files with") != std::string::npos);
  CHECK(check.err.find("nothing had to be changed") != std::string::npos);
  CHECK(nlohmann::json::parse(read_text(fixed + "/annotations/instances_test.json")) ==
        nlohmann::json::parse(read_text(truth)));
  CHECK(
      test::tessera({"data", "check", runs.config(), "--write-fixed", set.root().string()}).code ==
      2);
  CHECK(check.out.find("have none") != std::string::npos);
  CHECK(check.out.find("by the root of their area") != std::string::npos);
}

TEST_CASE("head, task and data that do not belong together are refused in one go") {
  const Set set;
  const Runs runs(config_for(set.root()));
  const Outcome linear = runs.train("run", {"model.head.type=linear"});
  CHECK(linear.code == 2);
  CHECK(linear.err.find("detection needs model.head.type: fcos") != std::string::npos);
  const Outcome task = runs.train("run", {"task.name=classification"});
  CHECK(task.code == 2);
  CHECK(task.err.find("fcos or retinanet is for task.name: detection") != std::string::npos);
  const Outcome levels = runs.train("run", {"model.head.levels=[16,32]"});
  CHECK(levels.code == 2);
  CHECK(levels.err.find("begin at no stage") != std::string::npos);
}

#ifdef TESSERA_MPIRUN
Outcome train_on(int ranks, const Runs& runs, const std::vector<std::string>& settings) {
  std::vector<std::string> arguments = {"train", runs.config(), "--out",
                                        runs.folder() / std::to_string(ranks)};
  for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
  return test::Program(arguments, test::mpirun(ranks)).wait();
}

TEST_CASE("detection on several ranks is that of one process, each part of the loss too") {
  if (!test::has_ranks()) return;
  const Set set;
  const Runs runs(config_for(set.root()));
  // Images of several sizes, in batches that are padded. At the rate of the other tests differences
  // in the last bit grow tenfold in five updates, also between one thread and two.
  std::vector<std::string> settings = {"train.epochs=13", "train.eval_every=13",
                                       "train.checkpoint_every=0", "optim.lr=3.0e-4"};
  std::vector<int> numbers = {2};
  std::vector<std::string> parts = {"train/loss", "train/loss_class", "train/loss_box"};
  SUBCASE("fcos") {
    parts.emplace_back("train/loss_centre");
    numbers = {2, 4};
  }
  SUBCASE("fcos, at that rate, for twelve updates") {
    settings.insert(settings.end(), {"optim.lr=5.0e-3", "train.epochs=3", "train.eval_every=3"});
    numbers = {3};
  }
  SUBCASE("fcos, boxes by centreness, two batches an update") {
    parts.emplace_back("train/loss_centre");
    settings.insert(settings.end(), {"model.head.box_weight=centreness", "data.accumulate=2"});
  }
  SUBCASE("retinanet") {
    settings.insert(settings.end(), {"model.head.type=retinanet", "model.head.anchors=[8,16]"});
  }
  REQUIRE(runs.train("one", settings).code == 0);
  for (const int ranks : numbers) {
    const std::string name = std::to_string(ranks);
    const Outcome outcome = train_on(ranks, runs, settings);
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    for (const std::string& part : parts) {
      CAPTURE(part);
      CHECK(test::apart(runs / "one", runs / name, part) < 1e-5);
    }
    CHECK(test::apart(runs / "one", runs / name, "val/loss") < 1e-4);
    CHECK(test::apart(runs / "one", runs / name, "val/ap50") < 1e-3);
  }
}

TEST_CASE("detection: an evaluation finds the same on any number of ranks") {
  if (!test::has_ranks()) return;
  const Set set;
  const Runs runs(config_for(set.root()));
  const std::vector<std::string> still = {"train.epochs=1", "optim.name=sgd", "optim.lr=1.0e-30",
                                          "optim.ema=0"};
  REQUIRE(runs.train("one", still).code == 0);
  for (const int ranks : {2, 4}) {
    REQUIRE(train_on(ranks, runs, still).code == 0);
    test::check_same_evaluation(runs / "one", runs / std::to_string(ranks));
  }
}
#endif

}  // namespace
}  // namespace tessera
