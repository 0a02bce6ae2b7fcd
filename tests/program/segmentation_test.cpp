// Segmentation from a folder of images and masks to figures, pictures and a report.
#include <array>
#include <nlohmann/json.hpp>

#include "core/rng.h"
#include "data/images/image.h"
#include "tests/data/dense_tree.h"
#include "tests/program/mpi.h"
#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::files_of;
using test::Outcome;
using test::read_text;
using test::result_of;

/// A bright rectangle on dark noise, and the mask that says so.
void write_scene(const fs::path& root, const std::string& split, int number, int height,
                 int width) {
  Rng rng(7, Stream::kSynthetic, 0, static_cast<std::uint64_t>(number));
  Image image{{height, width, 3}, {}};
  testing::Numbers mask{height, width, {}};
  const int top = static_cast<int>(rng.below(static_cast<std::uint32_t>(height / 2)));
  const int left = static_cast<int>(rng.below(static_cast<std::uint32_t>(width / 2)));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool inside = y >= top && y < top + height / 2 && x >= left && x < left + width / 2;
      for (int c = 0; c < 3; ++c) {
        image.pixels.push_back(static_cast<std::uint8_t>((inside ? 170 : 30) + rng.below(50)));
      }
      mask.values.push_back(inside ? 1 : 0);
    }
  }
  const std::string name = fmt::format("{}/{}.png", split, number);
  fs::create_directories((root / "images" / name).parent_path());
  write_png(root / "images" / name, image);
  testing::write_mask(root / "labels" / name, mask);
}

/// Images of several sizes, none a multiple of the patch.
void write_scenes(const fs::path& root) {
  constexpr std::array<std::array<int, 2>, 3> kSizes{{{30, 30}, {22, 31}, {31, 25}}};
  for (int i = 0; i < 16; ++i) {
    const auto& size = kSizes[static_cast<std::size_t>(i) % kSizes.size()];
    write_scene(root, i < 12 ? "train" : "val", i, size[0], size[1]);
  }
  testing::write_text(root / "classes.txt", "ground\nthing\n");
}

struct Scenes {
  Scenes() {
    write_scenes(folder / "scenes");
    test::write_text(folder / "scenes.yaml", R"(
task: {name: segmentation, class_weights: balanced}
model:
  image_size: 32
  patch_size: 4
  embed_dim: 16
  depths: [1, 1]
  num_heads: [2, 4]
  window_size: 4
  head: {type: fpn, channels: 16, norm: batch}
data:
  name: image_masks
  batch_size: 4
  augment: {flip: true, scale: [0.75, 1.5], crop: 24}
optim: {lr: 5.0e-3, schedule: {name: constant, warmup_epochs: 1}, ema: 0.5}
train: {epochs: 12, eval_every: 3, threads: 1, checkpoint_every: 4}
)");
  }

  Outcome train(const std::string& run, const std::vector<std::string>& settings = {},
                const std::vector<std::string>& launcher = {}) const {
    std::vector<std::string> arguments{"train", folder / "scenes.yaml",
                                       "--out", folder / run,
                                       "--set", "data.root=" + (folder / "scenes").string()};
    for (const std::string& setting : settings) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    return test::Program(arguments, launcher).wait();
  }

  test::ScratchFolder folder;
};

TEST_CASE("segmentation: trained, tested at the stored sizes, scored by anyone's tool, reported") {
  const Scenes scenes;
  const std::string run = scenes.folder / "run";
  const Outcome trained = scenes.train("run");
  REQUIRE_MESSAGE(trained.code == 0, trained.err);
  CHECK(trained.out.find("val mIoU") != std::string::npos);

  const std::string masks = scenes.folder / "masks";
  const Outcome eval =
      test::tessera({"eval", run, "--split", "val", "--predictions", masks, "--json"});
  REQUIRE_MESSAGE(eval.code == 0, eval.err);
  const json figures = json::parse(eval.out);
  CHECK(figures["images"] == 4);
  CHECK(figures["pixels"] == 2 * 30 * 30 + 22 * 31 + 31 * 25);
  CHECK(figures["mIoU"].get<double>() > 0.8);
  CHECK(figures["per_class"][1]["name"] == "thing");

  const Outcome score = test::tessera(
      {"score", scenes.folder / "scenes/labels/val", masks + "/images/val", "--json"});
  REQUIRE_MESSAGE(score.code == 0, score.err);
  const json scored = json::parse(score.out);
  for (const char* figure : {"mIoU", "mAcc", "aAcc", "boundary_IoU"}) {
    CHECK(scored[figure] == figures[figure]);
  }

  const Outcome views = test::tessera({"eval", run, "--tta", "flip", "--scales", "1,1.5",
                                       "--window", "24", "--split", "val", "--json"});
  REQUIRE_MESSAGE(views.code == 0, views.err);
  CHECK(json::parse(views.out)["mIoU"].get<double>() > 0.6);

  const std::string page = scenes.folder / "report.html";
  const Outcome report = test::tessera({"report", run, "--out", page});
  REQUIRE_MESSAGE(report.code == 0, report.err);
  const std::string html = read_text(page);
  CHECK(html.find("Test mIoU") != std::string::npos);
  CHECK(html.find("errors in red") != std::string::npos);
  CHECK(html.find("mean cross entropy of the pixels") != std::string::npos);
  CHECK(html.find("most probable class") == std::string::npos);
}

TEST_CASE("segmentation: predict writes a mask of the photo's size three times over") {
  const Scenes scenes;
  REQUIRE(scenes.train("run", {"train.epochs=1"}).code == 0);
  const std::string run = scenes.folder / "run", out = scenes.folder / "out";
  const std::string photo = scenes.folder / "scenes/images/val/13.png";
  const Outcome refused = test::tessera({"predict", run, photo});
  CHECK(refused.code == 2);
  CHECK(refused.has_one_line());
  const Outcome outcome = test::tessera({"predict", run, photo, "--out", out, "--json"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const json record = json::parse(outcome.out).at(0);
  const Image mask = load_mask_png(record["mask"].get<std::string>());
  CHECK(mask.shape.height == 22);
  CHECK(mask.shape.width == 31);
  double shares = 0.0;
  for (const json& one : record["classes"]) shares += one["share"].get<double>();
  CHECK(shares == doctest::Approx(1.0));
  std::size_t pictures = 0;
  for (const auto& [name, text] : files_of(out)) pictures += name.ends_with(".png") ? 1 : 0;
  CHECK(pictures == 3);
  CHECK(read_text(fs::path(out) / "classes.csv").starts_with("index,class,color\n0,ground,#"));
}

TEST_CASE("segmentation: looked at with the commands of classifiers") {
  const Scenes scenes;
  REQUIRE(scenes.train("run", {"train.epochs=3"}).code == 0);
  const std::string run = scenes.folder / "run", out = scenes.folder / "out.png";
  // A photo of another aspect than the model's image, which it keeps.
  const std::string photo = scenes.folder / "scenes/images/val/13.png";
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"--query", "30,21"}, {"--block", "1.0", "--heads"}}) {
    std::vector<std::string> arguments{"attention", run, photo, "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome drawn = test::tessera(arguments);
    CHECK_MESSAGE(drawn.code == 0, drawn.err);
  }
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& way) {
    const Outcome outcome = test::tessera(arguments);
    CHECK(outcome.code == 2);
    CHECK(outcome.has_one_line());
    CHECK(outcome.err.find("is for classifiers, and ") != std::string::npos);
    CHECK(outcome.err.find("answers with masks; " + way) != std::string::npos);
  };
  refused({"mistakes", run}, "tessera report shows");
  refused({"explain", run, photo, "--out", out}, "tessera attention draws");
  for (const std::string name : {"13.png", "val/13.png", "images/val/13.png"}) {
    const Outcome found = test::tessera({"data", "show", run, name, "--out", out});
    CHECK_MESSAGE(found.code == 0, found.err);
    CHECK(found.out == "images/val/13.png (val): a mask, 22 x 31 pixels\n");
  }
  CHECK(test::tessera({"data", "show", run, "3.png", "--out", out})
            .out.starts_with("images/train/3.png"));
  const Outcome several = test::tessera({"data", "show", run, "png", "--out", out});
  CHECK(several.err.find("there is no sample \"png\"; the first is") != std::string::npos);
  const Outcome checked = test::tessera({"data", "check", run});
  CHECK(checked.code == 0);
  CHECK(checked.out.find("12 images") != std::string::npos);
  CHECK(test::tessera({"data", "sample", run, "--out", scenes.folder / "some", "--count", "2"})
            .code == 0);
  const Outcome watched = test::tessera({"watch", run});
  CHECK(watched.code == 0);
  CHECK_MESSAGE(watched.out.find("\nmIoU ") != std::string::npos, watched.out);
}

TEST_CASE("segmentation: stopped and gone on with, the same bytes, running statistics too") {
  const Scenes scenes;
  REQUIRE(scenes.train("whole", {"train.epochs=4"}).code == 0);
  REQUIRE(scenes.train("run", {"train.epochs=4", "train.max_steps=5"}).code == 0);
  const Outcome resumed =
      test::tessera({"train", "--resume", scenes.folder / "run", "--set", "train.max_steps=0"});
  REQUIRE_MESSAGE(resumed.code == 0, resumed.err);
  const fs::path whole = test::checkpoint_of(scenes.folder / "whole", CheckpointChoice::kLast);
  const fs::path parts = test::checkpoint_of(scenes.folder / "run", CheckpointChoice::kLast);
  for (const char* name : {"model.safetensors", "state.safetensors"}) {
    CHECK(read_text(whole / name) == read_text(parts / name));
  }
  CHECK(read_text(whole / "model.safetensors").find("running_mean") != std::string::npos);
}

TEST_CASE("segmentation: a check tells every mask that is broken, missing or left over") {
  const Scenes scenes;
  const fs::path labels = scenes.folder / "scenes/labels/train";
  test::write_text(labels / "0.png", "");
  test::write_text(labels / "1.png", read_text(labels / "1.png").substr(0, 60));
  test::write_text(labels / "2.png", "GIF89a");
  testing::write_mask(labels / "3.png", testing::numbers_up_to(30, 30, 9));
  testing::write_mask(labels / "4.png", testing::numbers_up_to(3, 4, 1));
  fs::remove(labels / "5.png");
  testing::write_mask(labels / "over.png", testing::numbers_up_to(3, 4, 1));
  const Outcome check = test::tessera({"data", "check", scenes.folder / "scenes.yaml", "--set",
                                       "data.root=" + (scenes.folder / "scenes").string()});
  CHECK(check.code == 3);
  for (const char* file : {"0.png", "1.png", "2.png", "3.png", "4.png", "5.png", "over.png"}) {
    CHECK_MESSAGE(check.out.find(std::string("labels/train/") + file) != std::string::npos, file);
  }
  CHECK_MESSAGE(check.out.find("\n7 problems") != std::string::npos, check.out);
}

TEST_CASE("segmentation: a task and a data set that do not fit are told together") {
  const test::ScratchFolder folder;
  test::write_text(folder / "wrong.yaml", "task: {name: segmentation}\ndata: {name: cifar10}\n");
  const Outcome outcome = test::tessera({"train", folder / "wrong.yaml"});
  CHECK(outcome.code == 2);
  CHECK(outcome.err.find("segmentation learns a mask of an image, and cifar10 knows a class") !=
        std::string::npos);
}

#ifdef TESSERA_MPIRUN
TEST_CASE("segmentation on several ranks is that of one process, batch norm and weights too") {
  if (!test::has_ranks()) return;
  const Scenes scenes;
  const fs::path one = scenes.folder / "one";
  std::vector<std::string> settings = {"train.epochs=17", "train.eval_every=17"};
  SUBCASE("crops") {}
  SUBCASE("whole images of several sizes") { settings.emplace_back("data.augment.crop=0"); }
  REQUIRE(scenes.train("one", settings).code == 0);
  for (const int ranks : {2, 4}) {
    const std::string name = std::to_string(ranks);
    const Outcome outcome = scenes.train(name, settings, test::mpirun(ranks));
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    CHECK(test::apart(one, scenes.folder / name, "train/loss") < 1e-5);
    CHECK(test::apart(one, scenes.folder / name, "train/aacc") < 1e-3);
    CHECK(test::apart(one, scenes.folder / name, "val/loss") < 1e-4);
    CHECK(test::apart(one, scenes.folder / name, "val/miou") < 1e-3);
  }
}

TEST_CASE("segmentation: an evaluation finds the same on any number of ranks") {
  if (!test::has_ranks()) return;
  const Scenes scenes;
  const std::vector<std::string> still = {"train.epochs=1",        "train.eval_every=1",
                                          "optim.name=sgd",        "optim.lr=1.0e-30",
                                          "model.head.norm=group", "optim.ema=0"};
  REQUIRE(scenes.train("one", still).code == 0);
  for (const int ranks : {2, 4}) {
    const std::string name = std::to_string(ranks);
    REQUIRE(scenes.train(name, still, test::mpirun(ranks)).code == 0);
    test::check_same_evaluation(scenes.folder / "one", scenes.folder / name);
  }
}
#endif

}  // namespace
}  // namespace tessera
