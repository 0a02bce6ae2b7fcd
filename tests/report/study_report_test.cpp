// What the report tells of studies: their results as they stand, and no more.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <numbers>

#include "core/error.h"
#include "report/mean_curve.h"
#include "report/report.h"
#include "report/sections.h"
#include "report/study_sections.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/xml_check.h"

namespace tessera::report {
namespace {

using test::ScratchFolder;
using test::write_text;
using test::XmlCheck;

constexpr const char* kResults = R"({
  "study": "patch_size", "tessera": "0.1.0",
  "axes": [{"name": "model.patch_size", "values": ["2", "4"]},
           {"name": "embedding", "values": ["linear", "overlap"]}],
  "seeds": [0, 1], "match": "macs", "metrics": ["top1", "loss"],
  "cells": [
    {"name": "patch_size 4, embedding linear", "labels": {"model.patch_size": "4", "embedding": "linear"},
     "baseline": "patch_size 4, embedding linear", "matched": {},
     "plan": {"parameters": 1000, "macs": 2000000, "tokens": [7, 7], "updates": 10,
              "predicted_peak_bytes": 1, "expected_seconds": null},
     "runs": [{"seed": 0, "folder": "cells/a", "status": "done", "metrics": {"top1": 0.8}},
              {"seed": 1, "folder": "cells/b", "status": "unfinished"}],
     "summary": {"top1": {"n": 1, "mean": 0.8, "half_width": null},
                 "loss": {"n": 1, "mean": 0.5, "half_width": null}},
     "timing": {"images_per_s": 2000.0, "train_seconds": 10.0, "peak_memory_mb": 100.0}},
    {"name": "patch_size 2, embedding linear", "labels": {"model.patch_size": "2", "embedding": "linear"},
     "baseline": "patch_size 4, embedding linear", "matched": {"model.embed_dim": ["64", "36"]},
     "plan": {"parameters": 900, "macs": 2100000, "tokens": [14, 14], "updates": 10,
              "predicted_peak_bytes": 1, "expected_seconds": 12.0},
     "runs": [{"seed": 0, "folder": "cells/c", "status": "done"},
              {"seed": 1, "folder": "cells/d", "status": "failed", "error": "loss is not finite"}],
     "summary": {"top1": {"n": 2, "mean": 0.85, "half_width": 0.01,
                          "difference": {"n": 2, "mean": 0.05, "half_width": 0.02}},
                 "loss": {"n": 0, "mean": null, "half_width": null}},
     "timing": {"images_per_s": 1500.0, "train_seconds": 15.0, "peak_memory_mb": 120.0}},
    {"name": "patch_size 2, embedding overlap", "labels": {"model.patch_size": "2", "embedding": "overlap"},
     "baseline": "patch_size 2, embedding linear",
     "plan": {"parameters": 900, "macs": 2200000},
     "runs": [{"seed": 0, "folder": "cells/e", "status": "unfinished"}],
     "summary": {}}
  ]})";

TEST_CASE("study: the page tells what its results say, no more") {
  const ScratchFolder folder;
  write_text(folder / "results.json", kResults);
  std::filesystem::create_directories(folder / "cells" / "a");
  write_text(
      folder / "cells" / "a" / "metrics.jsonl",
      R"({"step":2,"epoch":1,"train_loss":1.75,"train_top1":0.4,"test_loss":1.4,"test_top1":0.55})"
      "\n");
  REQUIRE(is_study(folder.path()));
  const StudyRecord record = read_study_record(folder.path());
  CHECK(record.runs() == 5);
  CHECK(record.cells[2].name == "patch_size 2, embedding overlap");
  CHECK(short_name(record, record.cells[2]) == "patch_size 2, overlap");
  CHECK(record.runs_in(RunStatus::kDone) == 2);
  CHECK(record.cells[1].matched == std::vector<std::string>{"model.embed_dim 64 → 36"});
  const Page page = study_page(record);
  REQUIRE(page.notices.size() == 2);
  const std::string html = to_html(page);
  CHECK(XmlCheck::problem(html) == "");
  for (const char* text :
       {"The best mean val top-1 so far: patch_size 2, embedding linear with 85.00 ± 1.00 %.",
        "patch_size 2, embedding linear differs from patch_size 4, embedding linear by +5.00 ± "
        "2.00 points (p 0.020, corrected for the comparisons).",
        "2 of 5 runs are missing", "failed: loss is not finite", "model.embed_dim 64 → 36",
        "id=\"curves\"", "2.1\u00a0M"}) {
    CAPTURE(text);
    CHECK(html.find(text) != std::string::npos);
  }
  CHECK(XmlCheck::problem(study_picture(record)) == "");
}

TEST_CASE("study: a difference whose interval includes zero is not called a win") {
  const ScratchFolder folder;
  std::string results = kResults;
  const std::string clear = R"("mean": 0.05, "half_width": 0.02)";
  results.replace(results.find(clear), clear.size(), R"("mean": 0.05, "half_width": 0.06)");
  write_text(folder / "results.json", results);
  const std::string html = to_html(study_page(read_study_record(folder.path())));
  CHECK(html.find("No difference shown between patch_size 2, embedding linear and patch_size 4, "
                  "embedding linear: +5.00 ± 6.00 points; about 3 seeds would show one of this "
                  "size.") != std::string::npos);
  CHECK(html.find("differs from") == std::string::npos);
}

TEST_CASE("study: one that was made without p is corrected for its comparisons all the same") {
  const ScratchFolder folder;
  std::string results = kResults;
  const std::string second = R"("summary": {}})";
  results.replace(results.find(second), second.size(),
                  R"("summary": {"top1": {"n": 2, "mean": 0.9, "half_width": 0.01,
                                 "difference": {"n": 2, "mean": 0.01, "half_width": 0.02}}}})");
  write_text(folder / "results.json", results);
  const StudyRecord record = read_study_record(folder.path());
  // Student's t of one degree of freedom is Cauchy's: p = 1 - 2/pi atan(t), t = mean / error.
  const double error = 0.02 / 12.7062;
  const auto p = [&](double mean) {
    return 1.0 - 2.0 / std::numbers::pi * std::atan(mean / error);
  };
  const Estimate first = *record.cells[1].summary.at("val/top1").difference;
  const Estimate other = *record.cells[2].summary.at("val/top1").difference;
  CHECK(first.p.value() == doctest::Approx(p(0.05)).epsilon(1e-4));
  CHECK(first.p_holm.value() == doctest::Approx(2.0 * p(0.05)).epsilon(1e-4));
  CHECK(other.p_holm.value() == doctest::Approx(p(0.01)).epsilon(1e-4));
}

/// Results whose first difference is clear alone, and has this p among the comparisons.
std::string results_with_p_holm(const std::string& p_holm) {
  std::string results = kResults;
  const std::string clear = R"("mean": 0.05, "half_width": 0.02)";
  return results.replace(results.find(clear), clear.size(),
                         clear + R"(, "p": 0.03, "p_holm": )" + p_holm);
}

TEST_CASE("study: what is clear alone but not among many comparisons is not called a win") {
  const ScratchFolder folder;
  std::string results = results_with_p_holm("0.2");
  write_text(folder / "results.json", results);
  const std::string html = to_html(study_page(read_study_record(folder.path())));
  CHECK(html.find("among so many comparisons that may be chance") != std::string::npos);
  CHECK(html.find("+5.00 ± 2.00 points, p 0.20") != std::string::npos);
}

TEST_CASE("study: after seeds were added more is asked of a p, and the page says so") {
  const ScratchFolder folder;
  std::string results = results_with_p_holm("0.03");
  write_text(folder / "results.json", results);
  const std::string before = to_html(study_page(read_study_record(folder.path())));
  CHECK(before.find("differs from") != std::string::npos);
  CHECK(before.find(" added after") == std::string::npos);

  const std::string seeds = R"("seeds": [0, 1])";
  results.replace(results.find(seeds), seeds.size(), seeds + R"(, "added_seeds": [[1]])");
  write_text(folder / "results.json", results);
  const StudyRecord record = read_study_record(folder.path());
  CHECK_FALSE(record.shows(*record.cells[1].summary.at("val/top1").difference));
  const std::string after = to_html(study_page(record));
  CHECK(after.find("after so many looks that may be chance") != std::string::npos);
  CHECK(after.find("differs from") == std::string::npos);
  CHECK(after.find("1 of the 2 seeds (1) was added after results had been seen.") !=
        std::string::npos);
  CHECK(after.find("2 seeds each, 1 of them added later") != std::string::npos);
}

TEST_CASE("study: the table says how many seeds a comparison would need") {
  const ScratchFolder folder;
  std::string results = kResults;
  const std::string clear = R"("mean": 0.05, "half_width": 0.02)";
  results.replace(results.find(clear), clear.size(), R"("mean": 0.05, "half_width": 0.06)");
  const std::string match = R"("match": "macs")";
  results.replace(results.find(match), match.size(), match + R"(, "interval": 1)");
  write_text(folder / "results.json", results);
  const StudyRecord record = read_study_record(folder.path());
  const Estimate& difference = *record.cells[1].summary.at("val/top1").difference;
  const std::string html = to_html(study_page(record));
  CHECK(html.find("Seeds for ± 1<") != std::string::npos);
  for (const std::int64_t count :
       {*repetitions_to_show(difference), *repetitions_for(difference, 0.01)}) {
    CHECK(html.find(fmt::format(">{}</td>", count)) != std::string::npos);
  }
}

TEST_CASE("study: means over the seeds by epoch, arithmetic and time") {
  const ScratchFolder folder;
  std::string results = kResults;
  const std::string metrics = R"("metrics": ["top1", "loss"])";
  results.replace(results.find(metrics), metrics.size(), R"("metrics": ["test/top1"])");
  write_text(folder / "results.json", results);
  const auto line = [](int step, int epoch, double top1) {
    return fmt::format(R"({{"step":{},"epoch":{},"train/loss":1.0,"val/loss":1.0,"val/top1":{}}})",
                       step, epoch, top1);
  };
  const auto write_cell = [&](const std::string& name, double gain, int evaluations) {
    const std::filesystem::path run = folder / "cells" / name;
    std::filesystem::create_directories(run);
    write_text(run / "config.yaml",
               "data: {name: synthetic, batch_size: 16, accumulate: 2}\ntrain: {epochs: 3}\n");
    std::string text, timing;
    for (int i = 1; i <= evaluations; ++i) {
      text += line(10 * i, i, 0.1 * i + gain) + "\n";
      timing +=
          fmt::format(
              R"({{"step":{},"epoch":{},"seconds":1,"images_per_s":{},"data_wait_share":0,"peak_memory_mb":1}})",
              10 * i, i, 100 * i) +
          "\n";
    }
    write_text(run / "metrics.jsonl", text);
    write_text(run / "timing.jsonl", timing);
  };
  write_cell("a", 0.0, 3);
  write_cell("b", 0.2, 2);  // not done: it does not count beside one that is
  StudyRecord record = read_study_record(folder.path());
  CHECK(curve_metric(record) == "val/top1");
  const MeanCurve one = mean_curve(record, record.cells[0]);
  REQUIRE(one.means.size() == 3);
  CHECK(one.means[1].value == doctest::Approx(0.2));
  CHECK(one.means[1].images == 640.0);
  CHECK(one.means[1].seconds == doctest::Approx(320.0 / 100.0 + 320.0 / 200.0));
  CHECK(one.spread[1].high == one.spread[1].low);

  record.cells[0].runs[1].status = RunStatus::kDone;
  const MeanCurve both = mean_curve(record, record.cells[0]);
  REQUIRE(both.means.size() == 2);  // where both were evaluated
  CHECK(both.means[1].value == doctest::Approx(0.3));
  CHECK(both.spread[1].low == doctest::Approx(0.2));
  CHECK(both.spread[1].high == doctest::Approx(0.4));

  const std::string html = study_curves_section(record)->body.str();
  for (const char* title :
       {"By epoch", "By arithmetic", "By time", "multiply-adds of training", "Each seed"}) {
    CAPTURE(title);
    CHECK(html.find(title) != std::string::npos);
  }
  // 640 images, forward and backward, of 2 M multiply-adds.
  CHECK(html.find(number_text(640.0 * 3.0 * 2e6, Unit::kCount, 4)) != std::string::npos);
}

TEST_CASE("study: of the test split the page says what was chosen on val") {
  const ScratchFolder folder;
  std::string results = kResults;
  for (const auto& [from, to] :
       {std::pair{R"("metrics": ["top1", "loss"])", R"("metrics": ["best/test/top1", "val/top1"])"},
        std::pair{R"("summary": {"top1": {"n": 1)", R"("summary": {"best/test/top1": {"n": 1)"}}) {
    results.replace(results.find(from), std::string(from).size(), to);
  }
  write_text(folder / "results.json", results);
  const std::string html = to_html(study_page(read_study_record(folder.path())));
  CHECK(html.find("The best mean test top-1 (best on val) so far") != std::string::npos);
  CHECK(html.find("That choice is made on val alone") != std::string::npos);
}

TEST_CASE("study: of folds the mean is told, and none is called the best") {
  const ScratchFolder folder;
  std::string cells;
  for (int fold = 0; fold < 3; ++fold) {
    cells +=
        fmt::format(R"({}{{"name": "fold {}", "labels": {{"data.fold": "{}"}}, "baseline": "fold 0",
      "plan": {{"parameters": 1, "macs": 2}}, "runs": [],
      "summary": {{"val/top1": {{"n": 1, "mean": 0.{}, "half_width": null}}}}}})",
                    fold == 0 ? "" : ",", fold, fold, 5 + fold);
  }
  write_text(folder / "results.json",
             R"({"study": "f", "axes": [{"name": "data.fold", "values": ["0", "1", "2"]}],
                 "seeds": [0], "metrics": ["val/top1"], "cells": [)" +
                 cells + "]}");
  const std::string html = to_html(study_page(read_study_record(folder.path())));
  CHECK(html.find("Over 3 folds the val top-1 is 60.00 ± 24.84 %.") != std::string::npos);
  CHECK(html.find("difference to the baseline") == std::string::npos);
}

TEST_CASE("study: damaged results are an error that names the file") {
  const ScratchFolder folder;
  for (const char* text :
       {"", "{", "[]", R"({"study": 3})", R"({"study": "a", "axes": [], "seeds": [],
      "metrics": [], "cells": []})"}) {
    CAPTURE(text);
    write_text(folder / "results.json", text);
    CHECK_THROWS_WITH_AS(read_study_record(folder.path()), doctest::Contains("results.json"),
                         DataError);
  }
}

}  // namespace
}  // namespace tessera::report
