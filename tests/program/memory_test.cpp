// Predicted memory beside what training takes.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/program/program.h"

#if !defined(__SANITIZE_ADDRESS__)  // it takes memory of its own

namespace tessera {
namespace {

using nlohmann::json;
using test::read_text;
using test::ScratchFolder;
using test::tessera;
using test::write_text;

constexpr double kMegabyte = 1048576.0;

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& overrides) {
  for (const std::string& override : overrides) {
    arguments.insert(arguments.end(), {"--set", override});
  }
  return arguments;
}

double predicted_mb(const std::string& config, const std::vector<std::string>& overrides) {
  const auto plan = tessera(with({"inspect", config, "--json"}, overrides));
  REQUIRE(plan.code == 0);
  return json::parse(plan.out)["predicted_peak_bytes"].get<double>() / kMegabyte;
}

/// Against what training was measured to take.
void check_predicted(const std::string& config, const std::vector<std::string>& overrides,
                     int steps, double bound) {
  CAPTURE(json(overrides).dump());
  const auto bench =
      tessera(with({"bench", config, "--steps", std::to_string(steps), "--json"}, overrides));
  REQUIRE_MESSAGE(bench.code == 0, bench.err);
  const double measured = json::parse(bench.out)["peak_rss_mb"].get<double>();
  CHECK(predicted_mb(config, overrides) == doctest::Approx(measured).epsilon(bound));
}

TEST_CASE("the predicted memory of training is within 10 % of what it takes: 27 models") {
  const ScratchFolder folder;
  write_text(folder / "m.yaml", R"(
model: {image_size: 112, in_channels: 3, num_classes: 100, patch_size: 4, embed_dim: 48,
        depths: [2, 2], num_heads: [2, 4], window_size: 7}
data: {name: none, batch_size: 16}
train: {threads: 2}
)");
  const std::string config = (folder / "m.yaml").string();
  const std::vector<std::string> vit = {"model.name=vit", "model.patch_size=8",
                                        "model.embed_dim=128", "model.depths=[4]",
                                        "model.num_heads=[2]"};
  const auto add = [](std::vector<std::string> to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
    return to;
  };
  const std::vector<std::vector<std::string>> models = {
      {},
      {"train.precision=bf16"},
      {"model.dropout=0.1"},
      {"model.dropout=0.1", "train.precision=bf16"},
      {"model.name=swin_v2"},
      {"model.name=swin_v2", "train.precision=bf16"},
      {"optim.name=sgd"},
      {"optim.name=muon", "optim.ema=0.99"},
      {"model.patch_embed.type=overlap"},
      {"model.patch_embed.type=conv_stem"},
      {"model.patch_embed.type=shifted"},
      {"model.patch_embed.type=cross_scale"},
      {"model.patch_embed.type=sliding", "data.batch_size=4"},
      {"model.patch_merging.type=conv"},
      {"model.patch_merging.type=shifted"},
      {"model.patch_merging.type=cross_scale", "train.precision=bf16"},
      {"model.window_size=14"},
      {"model.depths=[2, 8]", "train.recompute=blocks"},
      {"model.depths=[2, 8]", "train.recompute=blocks", "train.precision=bf16"},
      {"model.token_shift=0.5"},
      {"model.embed_dim=192", "data.batch_size=2"},
      vit,
      add(vit, {"train.precision=bf16"}),
      add(vit, {"model.pool=token"}),
      add(vit, {"model.patch_size=[4, 2]", "data.batch_size=1"}),  // 1,568 tokens without a bias
      add(vit, {"model.patch_size=4", "data.batch_size=4", "model.position=relative"}),
      {"task.name=simmim", "model.head.type=pixels", "model.depths=[2, 2, 2]",
       "model.num_heads=[2, 4, 8]", "model.patch_size=8", "data.batch_size=2"},
  };
  for (const std::vector<std::string>& overrides : models) {
    check_predicted(config, overrides, 1, 0.10);
  }
}

TEST_CASE("the predicted memory knows patches of several sizes, of which each update draws one") {
  const ScratchFolder folder;
  write_text(folder / "m.yaml", R"(
model: {image_size: 128, in_channels: 3, num_classes: 100, patch_size: 8, patch_sizes: [4, 8, 32],
        embed_dim: 48, depths: [2, 2], num_heads: [2, 4], window_size: 4}
data: {name: none, batch_size: 8}
train: {threads: 2}
)");
  for (const std::vector<std::string>& overrides :
       {std::vector<std::string>{}, {"train.precision=bf16"}}) {
    check_predicted((folder / "m.yaml").string(), overrides, 10, 0.10);
  }
}

TEST_CASE("the predicted memory knows the teacher, its weights and its answers") {
  const ScratchFolder folder;
  write_text(folder / "m.yaml", R"(
model: {patch_size: 2, embed_dim: 16, depths: [1, 1], num_heads: [1, 2], window_size: 7}
data: {name: synthetic, batch_size: 64, train_samples: 64, test_samples: 64}
optim: {ema: 0.9}
train: {threads: 2, max_steps: 1, tensorboard: false}
)");
  const std::string config = (folder / "m.yaml").string();
  // Of one the answers take most, of the other its files while they are read.
  const std::vector<std::vector<std::string>> teachers = {
      {"model.embed_dim=160", "model.num_heads=[4, 8]", "train.precision=f32"},
      {"model.embed_dim=128", "model.depths=[1, 8]", "train.precision=bf16"}};
  for (std::size_t i = 0; i < teachers.size(); ++i) {
    CAPTURE(json(teachers[i]).dump());
    const std::string teacher = (folder / ("t" + std::to_string(i))).string();
    REQUIRE(tessera(with({"train", config, "--out", teacher}, teachers[i])).code == 0);
    const std::vector<std::string> asks{"train.teacher=" + teacher};
    check_predicted(config, asks, 1, 0.10);
    CHECK(predicted_mb(config, asks) > 1.5 * predicted_mb(config, {}));
  }
}

TEST_CASE("the predicted memory of dense heads is within 15 % of what training takes") {
  const ScratchFolder folder;
  write_text(folder / "m.yaml", R"(
model: {image_size: 128, in_channels: 3, num_classes: 21, patch_size: 4, embed_dim: 48,
        depths: [2, 2, 2, 2], num_heads: [2, 4, 8, 16], window_size: 4}
data: {name: none, batch_size: 4}
train: {threads: 2}
)");
  const std::string config = (folder / "m.yaml").string();
  const std::vector<std::vector<std::string>> heads = {
      {"model.head.type=fcn", "task.name=segmentation"},
      {"model.head.type=fpn", "task.name=segmentation"},
      {"model.head.type=upernet", "task.name=segmentation"},
      {"model.head.type=upernet", "task.name=segmentation", "train.precision=bf16"},
      {"model.head.type=fcos", "task.name=detection"},
      {"model.head.type=retinanet", "task.name=detection"}};
  for (const std::vector<std::string>& overrides : heads) {
    check_predicted(config, overrides, 1, 0.15);
  }
}

TEST_CASE("the predicted memory knows the loader and data sets in memory") {
  const ScratchFolder folder;
  write_text(folder / "m.yaml", R"(
model: {patch_size: 4, embed_dim: 48, depths: [2, 2], num_heads: [2, 4], window_size: 4}
data: {name: synthetic, batch_size: 256, train_samples: 6000, test_samples: 256}
train: {threads: 2, epochs: 1, max_steps: 12, tensorboard: false}
)");
  const std::string config = (folder / "m.yaml").string();
  for (const std::vector<std::string>& overrides :
       {std::vector<std::string>{"data.workers=2"}, {"data.workers=0", "data.accumulate=2"}}) {
    CAPTURE(json(overrides).dump());
    const auto run = folder / ("r" + overrides[0]);
    REQUIRE(tessera(with({"train", config, "--out", run.string()}, overrides)).code == 0);
    const json timing = json::parse(read_text(run / "timing.jsonl"));
    CHECK(predicted_mb(config, overrides) ==
          doctest::Approx(timing["peak_memory_mb"].get<double>()).epsilon(0.10));
  }
}

}  // namespace
}  // namespace tessera

#endif
