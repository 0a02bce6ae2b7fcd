// Studies: killed and started again, changed, wrong, with runs that fail.
#include "tests/program/study.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/data/dense_tree.h"
#include "tests/support/paths.h"
#include "tests/support/xml_check.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::ablate;
using test::check_kept;
using test::count;
using test::findings_of;
using test::kTinyConfig;
using test::kTinyStudy;
using test::logs_of;
using test::Outcome;
using test::Program;
using test::read_text;
using test::results_of;
using test::ScratchFolder;
using test::study_in;
using test::write_text;

TEST_CASE("what killed runs left in a study is swept and completed") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string study = study_in(folder);
  REQUIRE(ablate(study, out).code == 0);
  const std::string before = findings_of(out);
  const auto logs = logs_of(out);
  bool completes = false;  // every other run lacks what its last call wrote
  for (const auto& run : fs::directory_iterator(out / "cells")) {
    write_text(run.path() / ".status.json.tmp-99999999", "half");
    write_text(run.path() / "checkpoints/.checkpoints.json.tmp-99999999", "half");
    completes = !completes;
    if (completes) fs::remove(run.path() / "checkpoints/checkpoints.json");
  }
  REQUIRE(ablate(study, out).code == 0);
  for (const auto& file : fs::recursive_directory_iterator(out)) {
    CHECK(file.path().string().find(".tmp-") == std::string::npos);
  }
  for (const auto& run : fs::directory_iterator(out / "cells")) {
    CHECK(fs::exists(run.path() / "checkpoints/checkpoints.json"));
  }
  CHECK(findings_of(out) == before);
  CHECK(logs_of(out).size() == logs.size());
}

TEST_CASE("a study killed five times ends as one that was not, and trains nothing twice") {
  const ScratchFolder folder;
  const std::string study = study_in(folder);
  const std::string longer = "train.epochs=8";
  const auto start = std::chrono::steady_clock::now();
  const Outcome whole = ablate(study, folder / "whole", {"--set", longer});
  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - start;
  CAPTURE(whole.err);
  REQUIRE(whole.code == 0);

  const fs::path killed = folder / "killed";
  std::map<std::string, std::string> done;
  for (int attempt = 0; attempt < 5; ++attempt) {
    Program program({"ablate", study, "--out", killed, "--no-measure", "--set", longer});
    std::this_thread::sleep_for(duration * (0.02 + 0.01 * (67 * attempt % 13)));
    program.send(SIGKILL);
    REQUIRE(program.wait().code == 128 + SIGKILL);
    check_kept(done, killed);
    done = logs_of(killed);
  }
  const Outcome rest = ablate(study, killed, {"--set", longer});
  CAPTURE(rest.err);
  REQUIRE(rest.code == 0);
  check_kept(done, killed);
  CHECK(findings_of(killed) == findings_of(folder / "whole"));
  CHECK(count(read_text(killed / "results.csv"), ",done,") == 8);

  // A study that is done trains nothing.
  const std::map<std::string, std::string> all = logs_of(killed);
  CHECK(all.size() == 8);
  const Outcome again = ablate(study, killed, {"--set", longer});
  CHECK(again.code == 0);
  CHECK(again.err.empty());
  check_kept(all, killed);
  const Outcome plan = ablate(study, killed, {"--set", longer, "--dry-run"});
  CHECK(count(plan.out, " 2/2\n") == 4);
  check_kept(all, killed);
}

TEST_CASE("SIGINT stops a study after the step; the same command goes on") {
  const ScratchFolder folder;
  const std::string study = study_in(folder);
  REQUIRE(ablate(study, folder / "whole").code == 0);
  const fs::path stopped = folder / "stopped";
  Program program({"ablate", study, "--out", stopped, "--no-measure", "--set", "train.epochs=4"});
  // Signals are heeded when the first run is in the results.
  for (int i = 0; i < 12'000 && logs_of(stopped).empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  program.send(SIGINT);
  const Outcome outcome = program.wait();
  CHECK(outcome.code == 128 + SIGINT);
  CHECK(outcome.out.find("The same command goes on") != std::string::npos);
  REQUIRE(ablate(study, stopped).code == 0);
  CHECK(findings_of(stopped) == findings_of(folder / "whole"));
}

TEST_CASE("what a study leaves: means, paired differences, files") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const Outcome outcome = ablate(study_in(folder), out, {"--set", "train.epochs=1"});
  REQUIRE(outcome.code == 0);
  CHECK(outcome.out.find("Expected times were not measured") != std::string::npos);
  CHECK(outcome.out.find("to baseline") != std::string::npos);
  const nlohmann::ordered_json results = results_of(out);
  REQUIRE(results["cells"].size() == 4);
  const auto& wide = results["cells"][3];
  CHECK(wide["name"] == "patch_size 8, width wide");
  CHECK(wide["baseline"] == "patch_size 8, width narrow");
  double mean = 0.0;
  double difference = 0.0;
  for (int s = 0; s < 2; ++s) {
    const double value = wide["runs"][s]["metrics"]["val/loss"];
    const double baseline = results["cells"][2]["runs"][s]["metrics"]["val/loss"];
    mean += value / 2.0;
    difference += (value - baseline) / 2.0;
    // The run's folder is one as `train` leaves it.
    const std::string run = out / wide["runs"][s]["folder"].get<std::string>();
    const Outcome eval = test::tessera({"eval", run, "--json"});
    REQUIRE(eval.code == 0);
    CHECK(nlohmann::json::parse(eval.out)["loss"].get<double>() == doctest::Approx(value));
    CHECK(wide["runs"][s]["timing"]["peak_memory_mb"].get<double>() > 5.0);
    CHECK(wide["runs"][s]["timing"]["images_per_s"].get<double>() > 1.0);
  }
  CHECK(wide["summary"]["val/loss"]["mean"].get<double>() == doctest::Approx(mean));
  CHECK(wide["summary"]["val/loss"]["difference"]["mean"].get<double>() ==
        doctest::Approx(difference));
  CHECK(wide["summary"]["val/loss"]["difference"]["half_width"].get<double>() > 0.0);
  CHECK_FALSE(results["cells"][2]["summary"]["val/loss"].contains("difference"));
  CHECK(count(read_text(out / "results.csv"), "\n") == 9);
  CHECK(count(read_text(out / "timing.csv"), "\n") == 9);
  const std::string report = read_text(out / "report.html");
  CHECK(test::XmlCheck::problem(report) == "");
  CHECK(report.find("<section id=\"costs\"") != std::string::npos);
  CHECK(report.find("not finished") == std::string::npos);
}

TEST_CASE("a study that was changed keeps what is still valid") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string shorter = "train: {epochs: 1}\n";
  REQUIRE(ablate(study_in(folder, kTinyStudy + shorter), out).code == 0);
  const std::map<std::string, std::string> before = logs_of(out);
  CHECK(before.size() == 8);
  // One more value, another name, one more seed; patch 8 is gone.
  const std::string changed = R"(
axes: {model.patch_size: [4, 16], embed_dim: {large: {model.embed_dim: 24}, small: {}}}
seeds: [1, 2]
train: {epochs: 1}
)";
  REQUIRE(ablate(study_in(folder, changed), out).code == 0);
  check_kept(before, out);
  const std::map<std::string, std::string> after = logs_of(out);
  CHECK(after.size() == 8);
  std::size_t kept = 0;
  for (const auto& [run, log] : after) kept += before.contains(run) ? 1 : 0;
  CHECK(kept == 2);  // patch 4 in both widths, seed 1
}

TEST_CASE("a run that fails is reported, and the study goes on") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string study = study_in(folder, R"(
axes: {optim.lr: [1.0e+30, 1.0e-3]}
seeds: [0, 1]
baseline: {optim.lr: 1.0e-3}
train: {epochs: 1}
optim: {clip_norm: 0, schedule: {warmup_epochs: 0}}
)");
  const Outcome outcome = ablate(study, out);
  CHECK(outcome.code == 1);
  CHECK(outcome.err.ends_with("tessera: 2 runs failed; the same command tries them again\n"));
  CHECK(outcome.out.find("Missing:\n  lr 1.0e+30, seed 0: failed: step ") != std::string::npos);
  const nlohmann::ordered_json results = results_of(out);
  CHECK(results["cells"][0]["runs"][1]["status"] == "failed");
  CHECK(results["cells"][0]["runs"][1]["error"].get<std::string>().find("is not finite") !=
        std::string::npos);
  CHECK(results["cells"][0]["summary"]["val/top1"]["n"] == 0);
  CHECK(results["cells"][1]["summary"]["val/top1"]["n"] == 2);
}

TEST_CASE("studies that mean nothing: one clear line, exit code 2, nothing trained") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const auto check = [&](const std::string& text, const std::string& words) {
    const Outcome outcome = ablate(study_in(folder, text), out);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.has_one_line());
    CHECK(outcome.err.find(words) != std::string::npos);
    CHECK_FALSE(fs::exists(out));
  };
  check("axes: {model.path_size: [2]}\nseeds: [0]\n", "study.yaml:2:8: axes: unknown key");
  check("axes: {model.patch_size: [2, 64]}\nseeds: [0]\n",
        "study.yaml:2:30: [model] patch_size 64x64 is larger than image_size 32x32 (cell "
        "patch_size 64; skip leaves cells out)");
  check("axes: {model.patch_size: [2, two]}\nseeds: [0]\n", "study.yaml:2:30: model.patch_size");
  check("axes: {model.patch_size: [2, 4]}\nseeds: []\n", "study.yaml:3:8: seeds: expected");
  check("axes: {data.train_samples: [320, 8]}\nseeds: [0]\n", "do not fill one update");
  CHECK(ablate(folder / "none.yaml", out).code == 2);
  CHECK(ablate(study_in(folder), out, {"--quick"}).code == 2);
}

TEST_CASE("a folder of something else is refused") {
  const ScratchFolder folder;
  const std::string study = study_in(folder);
  const auto check = [&](const fs::path& out, const std::string& words) {
    const Outcome outcome = ablate(study, out);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.has_one_line());
    CHECK(outcome.err.find(words) != std::string::npos);
  };
  const fs::path other = folder / "other.yaml";
  write_text(other, "base: study.yaml\ntrain: {epochs: 1}\nseeds: [0]\naxes: {width: {}}\n");
  REQUIRE(ablate(other, folder / "other").code == 0);
  check(folder / "other", "holds the study other, not study; choose another folder with --out");
  fs::create_directory(folder / "run");
  write_text(folder / "run" / "config.yaml", kTinyConfig);
  check(folder / "run", "is not empty and no study's folder; choose another with --out");
}

TEST_CASE("--dry-run measures, shows the plan and writes nothing") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const Outcome outcome = test::tessera({"ablate", study_in(folder), "--out", out, "--dry-run",
                                         "--set", "match=macs", "--set", "budget=1e6"});
  CAPTURE(outcome.err);
  CHECK(outcome.code == 0);
  CHECK_FALSE(fs::exists(out));
  for (const char* words :
       {"study: 4 cells x 2 seeds = 8 runs; match macs", "8x8x16 > 4x4x32",
        "Matched by macs:", "width wide: model.embed_dim 24 -> 16; 100.0 % of the baseline's macs",
        "Expected: ", "Dry run: nothing was trained or written."}) {
    CAPTURE(words);
    CHECK(outcome.out.find(words) != std::string::npos);
  }
  const Outcome over = test::tessera(
      {"ablate", study_in(folder), "--out", out, "--set", "budget=1e-6", "--set", "seeds=[0]"});
  CHECK(over.code == 2);
  CHECK(over.err.find("is expected to train for") != std::string::npos);
}

/// Two images with masks of as many classes as there are names, to be counted.
fs::path write_masks(const fs::path& root, int classes) {
  std::string names;
  for (int k = 0; k < classes; ++k) names += fmt::format("class {}\n", k);
  testing::write_text(root / "classes.txt", names);
  for (const char* name : {"train/a.png", "train/b.png", "val/c.png"}) {
    testing::write_picture(root / "images" / name, 1);
    testing::write_mask(root / "labels" / name, testing::numbers_up_to(12, 16, classes - 1));
  }
  return root;
}

/// Two images with a box each, and one to be tested on, in COCO's format.
fs::path write_coco(const fs::path& root) {
  for (const char* split : {"train", "val"}) {
    nlohmann::json images = nlohmann::json::array(), boxes = nlohmann::json::array();
    for (int i = 0; i < 2; ++i) {
      const std::string name = fmt::format("{}{}.png", split, i);
      testing::write_picture(root / name, i);
      images.push_back({{"id", i + 1}, {"file_name", name}, {"width", 16}, {"height", 12}});
      boxes.push_back({{"id", i + 1},
                       {"image_id", i + 1},
                       {"category_id", 1},
                       {"bbox", {2, 2, 8, 6}},
                       {"area", 48},
                       {"iscrowd", 0}});
    }
    const nlohmann::json set = {{"images", images},
                                {"annotations", boxes},
                                {"categories", {{{"id", 1}, {"name", "nucleus"}}}}};
    testing::write_text(root / "annotations" / fmt::format("instances_{}.json", split), set.dump());
  }
  return root;
}

/// The same of VOC.
fs::path write_voc(const fs::path& root) {
  for (const char* split : {"train", "val", "test"}) {
    std::string names;
    for (int i = 0; i < 2; ++i) {
      const std::string name = fmt::format("{}{}", split, i);
      names += name + "\n";
      testing::write_picture(root / "JPEGImages" / (name + ".png"), i);
      testing::write_text(
          root / "Annotations" / (name + ".xml"),
          fmt::format("<annotation><filename>{}.png</filename><size><width>16</width>"
                      "<height>12</height><depth>3</depth></size><object><name>RBC"
                      "</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>9</xmax>"
                      "<ymax>8</ymax></bndbox></object></annotation>",
                      name));
    }
    testing::write_text(root / "ImageSets/Main" / fmt::format("{}.txt", split), names);
  }
  return root;
}

/// Black images of the first class: files that take no room.
fs::path write_cifar(const fs::path& root) {
  fs::create_directories(root);
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
    std::ofstream(root / name).close();
    fs::resize_file(root / name, 30'730'000);
  }
  return root;
}

TEST_CASE("the studies that come with the program can be started") {
  const ScratchFolder folder;
  const std::vector<std::pair<std::string, fs::path>> sets{
      {"levels_nuclei", write_coco(folder / "coco")},
      {"bccd", write_voc(folder / "voc")},
      {"cifar10", write_cifar(folder / "cifar")},
      {"nuclei", write_masks(folder / "nuclei", 2)},
      {"camvid", write_masks(folder / "camvid", 11)}};
  int studies = 0;
  for (const auto& entry : fs::directory_iterator(test::source("configs/studies"))) {
    CAPTURE(entry.path().string());
    for (const bool quick : {false, true}) {
      std::vector<std::string> arguments{"ablate", entry.path(), "--dry-run", "--no-measure"};
      if (quick) arguments.push_back("--quick");
      for (const auto& [name, root] : sets) {
        if (entry.path().string().find(name) == std::string::npos) continue;
        // So few images fill no batch of the recipe.
        arguments.insert(arguments.end(),
                         {"--set", "data.root=" + root.string(), "--set", "data.batch_size=2"});
        break;
      }
      const Outcome outcome = test::tessera(arguments);
      CAPTURE(outcome.err);
      CHECK(outcome.code == 0);
      CHECK(outcome.out.find("Dry run") != std::string::npos);
    }
    ++studies;
  }
  CHECK(studies >= 7);
}

}  // namespace
}  // namespace tessera
