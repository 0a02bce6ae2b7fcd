// Finished studies: their runs taken over by another study, their speeds measured again.
#include "tests/program/study.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::ablate;
using test::check_kept;
using test::findings_of;
using test::logs_of;
using test::Outcome;
using test::read_text;
using test::results_of;
using test::ScratchFolder;
using test::study_in;
using test::write_text;

TEST_CASE("--take-from copies finished runs of another study instead of training them") {
  const ScratchFolder folder;
  study_in(folder);
  const std::string shorter = "train: {epochs: 1}\nmetrics: [top1]\n";
  write_text(folder / "first.yaml",
             "base: tiny.yaml\naxes: {model.patch_size: [4, 8]}\nseeds: [0, 1]\n" + shorter);
  write_text(folder / "second.yaml",
             "base: tiny.yaml\naxes: {size: {small: {model.patch_size: 4}, large: "
             "{model.patch_size: 16}}}\nseeds: [0, 1]\n" +
                 shorter);
  REQUIRE(ablate(folder / "first.yaml", folder / "first").code == 0);
  const std::map<std::string, std::string> first = logs_of(folder / "first");
  const std::string results = read_text(folder / "first" / "results.json");
  REQUIRE(ablate(folder / "second.yaml", folder / "alone").code == 0);

  const fs::path out = folder / "out";
  const Outcome outcome =
      ablate(folder / "second.yaml", out, {"--take-from", (folder / "first").string()});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.find("size small, seed 1: taken from ") != std::string::npos);
  CHECK(outcome.err.find("2 finished runs taken over") != std::string::npos);
  CHECK(findings_of(out) == findings_of(folder / "alone"));
  std::size_t taken = 0;
  for (const auto& [run, log] : logs_of(out)) {
    for (const auto& [source, source_log] : first) taken += log == source_log ? 1 : 0;
  }
  CHECK(taken == 2);
  check_kept(first, folder / "first");
  CHECK(read_text(folder / "first" / "results.json") == results);
  CHECK_FALSE(fs::exists(out / "copying"));

  fs::create_directory(folder / "empty");
  for (const char* wrong : {"empty", "none"}) {
    const Outcome refused = ablate(folder / "second.yaml", folder / "never",
                                   {"--take-from", (folder / wrong).string()});
    CHECK(refused.code == 2);
    CHECK(refused.has_one_line());
    CHECK(refused.err.find("is no study's folder") != std::string::npos);
    CHECK_FALSE(fs::exists(folder / "never"));
  }
}

TEST_CASE("--measure-again gives the speeds of cells alone and trains nothing") {
  const ScratchFolder folder;
  const std::string study =
      study_in(folder, "axes: {model.patch_size: [4, 8]}\nseeds: [0]\ntrain: {epochs: 1}\n");
  const fs::path out = folder / "out";
  const auto measure = [&](const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"ablate", study, "--out", out, "--measure-again"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::tessera(arguments);
  };
  const auto refused = [&](const Outcome& outcome, const std::string& words) {
    CAPTURE(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.has_one_line());
    CHECK(outcome.err.find(words) != std::string::npos);
  };
  refused(measure(), "--measure-again is for a study that was run");
  CHECK_FALSE(fs::exists(out));

  REQUIRE(ablate(study, out).code == 0);
  const std::map<std::string, std::string> logs = logs_of(out);
  CHECK_FALSE(results_of(out)["cells"][0]["timing"].contains("images_per_s_alone"));
  const std::string csv = read_text(out / "results.csv");
  const Outcome outcome = measure();
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.out.find("images/s alone") != std::string::npos);
  CHECK(logs_of(out) == logs);
  CHECK(read_text(out / "results.csv") == csv);
  const auto results = results_of(out);
  for (const auto& cell : results.at("cells")) {
    const double speed = cell["timing"]["images_per_s_alone"];
    CHECK(speed > 1.0);
    CHECK(cell["timing"]["train_seconds_alone"].get<double>() == doctest::Approx(320.0 / speed));
    // The speed of the runs stays what it was.
    CHECK(cell["timing"]["images_per_s"] != cell["timing"]["images_per_s_alone"]);
  }
  CHECK(read_text(out / "report.html").find("measured with the cell alone") != std::string::npos);
  refused(measure({"--set", "match=time"}), "other speeds would make other cells");
}

}  // namespace
}  // namespace tessera
