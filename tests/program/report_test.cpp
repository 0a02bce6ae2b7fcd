// Reports as a user gets them: of a run, of one that goes on, in a browser.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/program/program.h"
#include "tests/support/xml_check.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::has;
using test::read_text;
using test::ScratchFolder;
using test::write_text;
using test::XmlCheck;

/// A finished tiny run in `folder / "run"`.
fs::path trained(const ScratchFolder& folder, const std::string& classes = "4") {
  write_text(folder / "tiny.yaml", test::kTinyConfig);
  const fs::path run = folder / "run";
  REQUIRE(test::tessera({"train", folder / "tiny.yaml", "--out", run, "--set",
                         "model.num_classes=" + classes})
              .code == 0);
  return run;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST_CASE("report: all sections, well-formed, alone, with the numbers of eval") {
  const ScratchFolder folder;
  const fs::path run = trained(folder);
  const test::Outcome outcome = test::tessera({"report", run});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.empty());
  const std::string html = read_text(run / "report.html");
  CHECK(XmlCheck::problem(html) == "");
  CHECK(html.size() < 2'000'000);
  for (const char* id :
       {"curves", "mistakes", "classes", "calibration", "class-maps", "attention", "filters",
        "receptive-field", "translation", "position", "cost", "setup"}) {
    CAPTURE(id);
    CHECK(has(html, std::string("<section id=\"") + id + "\""));
    CHECK(has(html, std::string("href=\"#") + id + "\""));
  }
  CHECK(count_of(html, "http") == count_of(html, "http://www.w3.org/2000/svg"));  // a name of XML

  const nlohmann::json eval = nlohmann::json::parse(test::tessera({"eval", run, "--json"}).out);
  const auto percent = [&](const nlohmann::json& share, int digits) {
    return fmt::format("{:.{}f}\u00a0%", 100.0 * share.get<double>(), digits);
  };
  CHECK(has(html, "<dd>" + percent(eval["top1"], 2)));
  CHECK(has(html, "<dd>" + percent(eval["calibration_error"], 2)));
  CHECK(has(html, fmt::format("<dd>{:.4f}", eval["loss"].get<double>())));
  for (const nlohmann::json& row : eval["classes"]) {
    if (!row["recall"].is_number()) continue;
    CHECK(has(html, fmt::format("<td data-value=\"{:.6g}\">{}", row["recall"].get<double>(),
                                percent(row["recall"], 1))));
  }
}

TEST_CASE("report: of a class token the attention is followed through the blocks") {
  const ScratchFolder folder;
  write_text(folder / "vit.yaml", R"(
model: {name: vit, patch_size: 8, embed_dim: 16, depths: [2], num_heads: [2], pool: token,
        position: absolute}
data: {name: synthetic, batch_size: 16, train_samples: 64, test_samples: 32}
train: {epochs: 1}
)");
  const fs::path run = folder / "run";
  const test::Outcome trained = test::tessera({"train", folder / "vit.yaml", "--out", run});
  REQUIRE_MESSAGE(trained.code == 0, trained.err);
  const test::Outcome outcome = test::tessera({"report", run});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const std::string html = read_text(run / "report.html");
  CHECK(XmlCheck::problem(html) == "");
  CHECK(has(html, "attention followed through all blocks"));
}

TEST_CASE("report: the same run gives the same bytes") {
  const ScratchFolder folder;
  const fs::path run = trained(folder);
  for (const char* name : {"a.html", "b.html"}) {
    REQUIRE(test::tessera({"report", run, "--out", folder / name}).code == 0);
  }
  CHECK(!fs::exists(run / "report.html"));
  CHECK(read_text(folder / "a.html") == read_text(folder / "b.html"));
}

TEST_CASE("report: --svg writes one drawing") {
  const ScratchFolder folder;
  const fs::path run = trained(folder);
  REQUIRE(test::tessera({"report", run, "--svg", folder / "a.svg"}).code == 0);
  const std::string svg = read_text(folder / "a.svg");
  CHECK(XmlCheck::problem(svg) == "");
  CHECK(has(svg, "Confusion"));
  CHECK(!fs::exists(run / "report.html"));
}

TEST_CASE("report: of a run that goes on, as far as it is") {
  const ScratchFolder folder;
  const fs::path run = trained(folder);
  // As it was after the first epoch, a line half written.
  std::string metrics = read_text(run / "metrics.jsonl");
  const std::size_t end = metrics.find("\"val/top1\"");
  metrics.resize(metrics.find('\n', end) + 30);
  write_text(run / "metrics.jsonl", metrics);
  REQUIRE(test::tessera({"report", run}).code == 0);
  const std::string html = read_text(run / "report.html");
  CHECK(has(html, "This run is not finished: update 20, epoch 1 of 4."));
  CHECK(has(html, "id=\"mistakes\""));

  fs::remove_all(run / "checkpoints");
  write_text(run / "metrics.jsonl", "");
  const test::Outcome outcome = test::tessera({"report", run});
  CHECK(outcome.code == 0);
  CHECK(has(outcome.err, "no checkpoint yet"));
  const std::string begun = read_text(run / "report.html");
  CHECK(XmlCheck::problem(begun) == "");
  CHECK(!has(begun, "id=\"curves\""));
  CHECK(has(begun, "id=\"setup\""));
}

TEST_CASE("report: without the test images it shows the rest and says what is missing") {
  const ScratchFolder folder;
  const fs::path run = trained(folder, "10");
  const test::Outcome outcome = test::tessera({"report", run, "--set", "data.name=cifar10", "--set",
                                               "data.root=" + (folder / "no").string()});
  CAPTURE(outcome.err);
  CHECK(outcome.code == 0);
  CHECK(has(outcome.err, "test images could not be read"));
  const std::string html = read_text(run / "report.html");
  CHECK(has(html, "id=\"position\""));
  CHECK(!has(html, "id=\"classes\""));
}

TEST_CASE("report: what is no run is one line and no file") {
  const ScratchFolder folder;
  for (const fs::path& path : {fs::path(folder / "none"), folder.path()}) {
    const test::Outcome outcome = test::tessera({"report", path, "--out", folder / "a.html"});
    CHECK(outcome.code == 1);
    CHECK(outcome.has_one_line());
    CHECK(has(outcome.err, path.string()));
    CHECK(!fs::exists(folder / "a.html"));
  }
  CHECK(test::tessera({"report"}).code == 2);
}

/// Put into the page: tries what can be done there and tells the page around it what came of it.
constexpr const char* kProbe = R"(<script>
  const errors = [];
  addEventListener("error", (event) => errors.push(event.message));
  addEventListener("load", () => {
    const root = document.documentElement;
    for (const button of document.querySelectorAll("th button")) button.click();
    for (const plot of document.querySelectorAll("svg.plot[tabindex]")) {
      plot.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft"}));
    }
    const count = (what) => document.querySelectorAll(what).length;
    parent.postMessage(`At ${root.clientWidth}: errors [${errors}], ` +
      `wider by ${root.scrollWidth - root.clientWidth}, ${count("th[aria-sort]")} sorted, ` +
      `${count(".cursor")} of ${count("svg.plot[tabindex]")} cursors.`, "*");
  });
</script></head>)";

/// The page around it: a frame for each width, since a window cannot be as narrow as a phone.
constexpr const char* kFrames = R"(<!DOCTYPE html><html><body><script>
  addEventListener("message", (event) => document.body.append(event.data));
</script>
<iframe src="page.html" style="width:390px;height:800px;border:0"></iframe>
<iframe src="page.html" style="width:1280px;height:800px;border:0"></iframe>
</body></html>)";

/// What the probe says of the page at both widths; fails on any line in the browser's console.
std::string seen_in_browser(const fs::path& html) {
  const ScratchFolder folder;
  std::string page = read_text(html);
  page.replace(page.find("</head>"), 7, kProbe);
  write_text(folder / "page.html", page);
  write_text(folder / "frames.html", kFrames);
  const std::string command = fmt::format(
      "chromium --headless --no-sandbox --disable-gpu --hide-scrollbars "
      "--user-data-dir={0}/profile "
      "--virtual-time-budget=3000 --enable-logging=stderr --dump-dom file://{0}/frames.html "
      "> {0}/dom.html 2> {0}/log.txt",
      folder.path().string());
  CHECK(std::system(command.c_str()) == 0);
  CHECK(!has(read_text(folder / "log.txt"), "CONSOLE"));
  return read_text(folder / "dom.html");
}

TEST_CASE("report: in a browser, no error and nothing wider than a phone") {
  if (std::system("command -v chromium > /dev/null") != 0) {
    MESSAGE("skipped: chromium is not installed");
    return;
  }
  const ScratchFolder folder;
  const fs::path run = trained(folder);
  REQUIRE(test::tessera({"report", run}).code == 0);
  write_text(folder / "study.yaml",
             "base: tiny.yaml\naxes: {model.patch_size: [4, 8]}\nseeds: [0, 1]\n"
             "train: {epochs: 1}\n");
  REQUIRE(test::tessera({"ablate", folder / "study.yaml", "--out", folder / "study"}).code == 0);
  const std::string of_run = seen_in_browser(run / "report.html");
  const std::string of_study = seen_in_browser(folder / "study" / "report.html");
  CAPTURE(of_run);
  CAPTURE(of_study);
  for (const int width : {390, 1280}) {
    CHECK(
        has(of_run, fmt::format("At {}: errors [], wider by 0, 1 sorted, 9 of 9 cursors.", width)));
    CHECK(has(of_study,
              fmt::format("At {}: errors [], wider by 0, 3 sorted, 2 of 2 cursors.", width)));
  }
}

}  // namespace
}  // namespace tessera
