// What a run leaves for TensorBoard.
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>
#include <thread>

#include "tests/data/image_tree.h"
#include "tests/program/program.h"
#include "tests/support/event_reader.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::EventLog;
using test::EventValue;
using test::Program;
using test::read_text;
using test::ScratchFolder;
using test::write_text;

/// The scalars under `tag` are those of the lines of metrics.jsonl that have the keys, in order.
void check_scalars(const EventLog& log, const fs::path& run, const std::string& tag,
                   const std::string& key, const std::string& beside = "step") {
  std::istringstream lines(read_text(run / "metrics.jsonl"));
  std::vector<std::pair<std::int64_t, float>> expected, found;
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json json = nlohmann::json::parse(line);
    if (json.contains(key) && json.contains(beside))
      expected.emplace_back(json["step"], json[key].get<float>());
  }
  for (const EventValue& value : log.values.at(tag)) found.emplace_back(value.step, value.scalar);
  CAPTURE(tag);
  CHECK(!expected.empty());
  CHECK(found == expected);
}

void check_all_scalars(const EventLog& log, const fs::path& run) {
  check_scalars(log, run, "optim/lr", "lr");
  check_scalars(log, run, "optim/grad_norm", "grad_norm");
  for (const char* name : {"val/loss", "val/top1", "val/top5"}) {
    check_scalars(log, run, name, name);
  }
  // Updates and evaluations both have these; the events are those of the updates.
  check_scalars(log, run, "train/loss", "train/loss", "grad_norm");
  check_scalars(log, run, "train/top1", "train/top1", "grad_norm");
}

TEST_CASE("tensorboard: curves, images, histograms and the configuration of a run") {
  const ScratchFolder folder;
  write_text(folder / "tiny.yaml", test::kTinyConfig);
  const fs::path run = folder / "run";
  REQUIRE(test::tessera({"train", folder / "tiny.yaml", "--out", run}).code == 0);
  const EventLog log = test::read_events(run / "tb");
  check_all_scalars(log, run);
  const std::vector<std::int64_t> evaluations = {20, 40, 60, 80};
  CHECK(log.steps("speed/images_per_s") == evaluations);
  CHECK(log.steps("images/batch") == std::vector<std::int64_t>{1});
  CHECK(log.steps("images/filters") == evaluations);
  CHECK(log.steps("images/confusion") == evaluations);
  for (const char* tag : {"images/batch", "images/confusion", "images/filters"}) {
    const EventValue& image = log.values.at(tag)[0];
    CHECK(image.png.substr(1, 3) == "PNG");
    CHECK(image.width > 100);
  }
  for (const std::string kind : {"weights/", "gradients/"}) {
    for (const std::string group : {"patch_embed", "stages.0.blocks.0", "stages.0.downsample",
                                    "stages.1.blocks.0", "norm", "head"}) {
      CAPTURE(group);
      CHECK(log.steps(kind + group) == evaluations);
      const EventValue& histogram = log.values.at(kind + group)[0];
      CHECK(histogram.min < histogram.max);
      CHECK(std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0.0) ==
            histogram.count);
    }
  }
  // Weight [4, 32] and bias [4].
  CHECK(log.values.at("weights/head")[0].count == 4 * 33);
  const EventValue& settings = log.values.at("_hparams_/session_start_info")[0];
  CHECK(settings.plugin == "hparams");
  CHECK(settings.content.find("model.embed_dim") != std::string::npos);
  CHECK(settings.content.find("model.padding") == std::string::npos);  // as if not given
  const EventValue& config = log.values.at("config")[0];
  CHECK(config.plugin == "text");
  CHECK(config.text == "```yaml\n" + read_text(run / "config.yaml") + "```\n");
}

/// The cells of a table in Markdown, without its headings.
std::vector<std::vector<std::string>> rows_of(const std::string& table) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::size_t begin = 2;
    for (std::size_t end; (end = line.find(" |", begin)) != std::string::npos; begin = end + 3) {
      cells.push_back(line.substr(begin, end - begin));
    }
    rows.push_back(cells);
  }
  REQUIRE(rows.size() > 2);
  rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

TEST_CASE("tensorboard: images and wrong answers have their names beside them") {
  const ScratchFolder folder;
  testing::write_pets(folder / "pets");
  write_text(folder / "pets.yaml", R"(
model: {image_size: 16, patch_size: 4, embed_dim: 16, depths: [1], num_heads: [2], window_size: 4}
data: {name: image_folder, batch_size: 2}
train: {epochs: 1, threads: 1}
)");
  const fs::path run = folder / "run";
  REQUIRE(test::tessera({"train", folder / "pets.yaml", "--out", run, "--set",
                         "data.root=" + (folder / "pets").string()})
              .code == 0);
  const EventLog log = test::read_events(run / "tb");
  CHECK(log.steps("names/batch") == std::vector<std::int64_t>{1});
  const auto batch = rows_of(log.values.at("names/batch")[0].text);
  REQUIRE(batch.size() == 2);
  CHECK(batch[1][0] == "1, 2");
  for (const std::vector<std::string>& row : batch) {
    CHECK(fs::exists(folder.path() / "pets" / row[1]));
    CHECK(row[1].starts_with("train/" + row[2] + '/'));  // the folder is the class
  }
  const std::string answers = folder / "answers.csv";
  REQUIRE(test::tessera({"eval", run, "--split", "val", "--predictions", answers}).code == 0);
  std::set<std::string> wrong, named;
  std::istringstream lines(read_text(answers));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::string image, label, predicted;
    std::getline(std::getline(std::getline(cells, image, ','), label, ','), predicted, ',');
    if (image != "image" && label != predicted) wrong.insert(image + label + predicted);
  }
  REQUIRE(!wrong.empty());
  for (const auto& row : rows_of(log.values.at("names/mistakes")[0].text)) {
    named.insert(row[1] + row[2] + row[3]);
  }
  CHECK(named == wrong);
  CHECK(log.values.at("images/mistakes")[0].png.substr(1, 3) == "PNG");
}

TEST_CASE("tensorboard: a run killed and resumed has every step once") {
  const ScratchFolder folder;
  write_text(folder / "tiny.yaml", test::kTinyConfig);
  const fs::path run = folder / "run";
  std::vector<std::string> arguments = {"train", folder / "tiny.yaml", "--out", run,
                                        "--set", "train.epochs=24"};
  int kills = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    Program program(arguments);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    program.send(SIGKILL);
    if (program.wait().code == 0) break;
    ++kills;
    if (fs::exists(run / "config.yaml")) arguments = {"train", "--resume", run};
  }
  CHECK(kills > 0);
  REQUIRE(test::tessera(arguments).code == 0);
  check_all_scalars(test::read_events(run / "tb"), run);
}

TEST_CASE("tensorboard: train.tensorboard: false leaves no folder and the same bits") {
  const ScratchFolder folder;
  write_text(folder / "tiny.yaml", test::kTinyConfig);
  for (const char* value : {"true", "false"}) {
    REQUIRE(test::tessera({"train", folder / "tiny.yaml", "--out", folder / value, "--set",
                           std::string("train.tensorboard=") + value})
                .code == 0);
  }
  CHECK(!fs::exists(folder / "false" / "tb"));
  CHECK(read_text(folder / "true" / "metrics.jsonl") ==
        read_text(folder / "false" / "metrics.jsonl"));
}

}  // namespace
}  // namespace tessera
