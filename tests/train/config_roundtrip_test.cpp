#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "data/dataset_info.h"
#include "tests/support/paths.h"
#include "tests/train/config_support.h"
#include "train/config/schema.h"

using namespace tessera;
using namespace tessera::test;

namespace {

/// The values of all keys, as text.
std::vector<std::string> values_of(Config config) {
  std::vector<std::string> values;
  for (const Key& key : schema_of(config).keys) values.push_back(key.path + "=" + key.write());
  return values;
}

}  // namespace

TEST_CASE("every file in configs/ loads, and its resolved form loads to the same") {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::source("configs"))) {
    CAPTURE(entry.path().string());
    if (entry.is_directory()) continue;  // studies: tests/program/study_test.cpp
    const std::string name = entry.path().filename().string();
    names.insert(name);
    // The files of their data sets give the classes: tests in tests/program make some.
    if (name.starts_with("flowers") || name.starts_with("imagenet") || name.starts_with("camvid") ||
        name.starts_with("nuclei") || name.starts_with("bccd")) {
      continue;
    }
    const Config config = load_config(entry.path());
    const Config again = parse_config(to_yaml(config));
    CHECK(values_of(again) == values_of(config));
    CHECK(again.has_data == config.has_data);
  }
  for (const char* name :
       {"fashion_mnist_quickstart.yaml", "fashion_mnist.yaml", "cifar10.yaml", "cifar10_swin.yaml",
        "cifar10_swin_long.yaml", "cifar100_swin.yaml", "bench_small.yaml", "swin_tiny.yaml",
        "swin_small.yaml", "swin_base.yaml", "swin_large.yaml", "swin_v2_tiny.yaml",
        "vit_tiny.yaml", "vit_cifar10.yaml"}) {
    CHECK(names.count(name) == 1);
  }
}

TEST_CASE("every key is read into its own variable and written back") {
  // Every value differs from what it is if not given.
  const std::string text = R"(task:
  name: segmentation
  mask_size: 24
  mask_ratio: 0.75
  ignore_index: 254
  class_weights: balanced
model:
  name: swin_v2
  image_size: [48, 40]
  in_channels: 2
  num_classes: 17
  patch_size: [2, 1]
  patch_sizes: auto
  embed_dim: 20
  channel_multiplier: 1.5
  depths: [1, 3]
  num_heads: [5, 6]
  window_size: [3, 5]
  window_shift: false
  pretrained_window_size: [4, 0]
  mlp_ratio: 3.3
  qkv_bias: false
  init_std: 0.05
  drop_path: 0.25
  dropout: 0.05
  token_shift: [0.25, 0.0]
  position: [relative, absolute]
  norm_epsilon: 1.0e-06
  patch_norm_epsilon: 0.0001
  pool: mean
  padding: torchvision
  window_policy: pad
  patch_embed:
    type: conv_stem
    norm: false
    kernel: [9, 8]
    edge: pad
    padding: 3
    stride: [2, 1]
    stem_channels: [24, 48]
    shift_pixels: [1, 2]
    directions: eight
    kernels: [2, 6]
  patch_merging:
    type: cross_scale
    kernel: 5
    directions: cardinal
    kernels: [2, 3]
  head:
    type: fpn
    channels: 96
    convs: 2
    pool_scales: [1, 4]
    join: sum
    norm: layer
    dropout: 0.2
    levels: [8, 16]
    extra_levels: 1
    extra_from: stage
    location: 0.0
    rules: plain
    score_threshold: 0.1
    nms: 0.5
    keep: 50
    before_nms: 500
    groups: 16
    level_scales: false
    radius: 2.5
    ranges: [64.0]
    box_weight: centreness
    score: product
    anchors: [16, 20, 32, 40]
    ratios: [0.5, 2.0]
    positive: 0.6
    negative: 0.3
    auxiliary:
      weight: 0.3
      stage: 1
      channels: 32
      convs: 0
init:
  weights: "weights/swin 1.pth"
  prefix: "ema. x"
  allow_missing: ["head.*", a.b]
  fit: false
data:
  name: none
  root: "a folder: \"x\\y\"\x07"
  classes: [cat, "dog: big"]
  train_list: train.csv
  val_list: val.tsv
  test_list: test.csv
  images: photos
  masks: painted
  colors: ["000000", "1e90ff"]
  reduce_zero_label: true
  val_split: 0.125
  folds: 5
  fold: 3
  split_seed: 11
  sampler: repeat
  on_error: skip
  skip: broken.txt
  cache: disk
  cache_folder: /tmp/cache
  interpolation: bicubic
  test_crop: 0.875
  batch_size: 12
  accumulate: 3
  workers: 2
  train_samples: 100
  test_samples: 50
  augment:
    repeats: 3
    crop_area: [0.25, 0.75]
    crop_aspect: [0.5, 2.0]
    crop_padding: 4
    flip: true
    scale: [0.5, 2.0]
    crop: [48, 64]
    class_share: 0.875
    zoom_out: 4.0
    photometric: true
    policy: trivial_augment
    policy_ops: 3
    policy_magnitude: 7.5
    policy_std: 0.25
    color_jitter: 0.4
    hue_jitter: 0.1
    erase: 0.125
    erase_mode: pixel
    mixup: 0.8
    cutmix: 1.5
    mix_probability: 0.75
    mix_switch: 0.25
  normalize:
    mean: [0.1, 0.2]
    std: [0.3, 1.0e-05]
optim:
  name: sgd
  lr: {base: 0.05, scale_with: sqrt}
  weight_decay: 0.0001
  betas: [0.8, 0.95]
  eps: 1.0e-06
  momentum: 0.85
  nesterov: true
  clip_norm: 2.5
  freeze: ["patch_embed.*", "stages.0.*"]
  layer_decay: 0.75
  ema: 0.99
  schedule:
    name: cosine
    warmup_epochs: 1.5
    min_lr: 1.0e-07
    cycles: 3
    cycle_growth: 1.5
    milestones: [10.0, 12.5]
    gamma: 0.3
train:
  epochs: 7
  max_steps: 1000
  seed: 4294967295
  precision: bf16
  recompute: blocks
  wire: bf16
  threads: 3
  loss: binary_cross_entropy
  focal_gamma: 1.5
  label_smoothing: 0.15
  teacher: none
  teacher_form: hard
  teacher_weight: 0.25
  teacher_temperature: 2.0
  eval_every: 2
  best_by: loss
  patience: 4
  checkpoint_every: 500
  tensorboard: false
  out: elsewhere/runs
)";
  // The bell is no text: only its escape may stand in a file.
  const Config config = parse_config(text);
  CHECK(to_yaml(config) == text);
  CHECK(config.model.image_size == Size2{48, 40});
  CHECK(config.model.patch_embed.norm == false);
  CHECK(config.model.window_policy == WindowPolicy::kPad);
  CHECK(config.init.weights == "weights/swin 1.pth");
  CHECK(config.init.allow_missing == std::vector<std::string>{"head.*", "a.b"});
  CHECK(config.optim.freeze.size() == 2);
  CHECK(config.data.root == "a folder: \"x\\y\"\x07");
  CHECK(config.data.std == std::vector<float>{0.3f, 1e-5f});
  CHECK(config.optim.betas == std::array<double, 2>{0.8, 0.95});
  CHECK(config.optim.lr == 0.05);
  CHECK(config.optim.lr_scaling == LrScaling::kSqrt);
  CHECK(config.optim.schedule.min_lr == 1e-7);
  CHECK(config.train.seed == 4294967295u);
  CHECK(config.train.out == "elsewhere/runs");

  const std::vector<std::string> given = values_of(config);
  const std::vector<std::string> unset = values_of(unset_config());
  REQUIRE(given.size() == unset.size());
  const std::set<std::string> single{"model.pool=mean", "data.name=none",
                                     "optim.schedule.name=cosine", "model.patch_sizes=auto",
                                     "train.teacher=none"};
  for (std::size_t i = 0; i < given.size(); ++i) {
    CAPTURE(given[i]);
    CHECK((given[i] != unset[i] || single.count(given[i]) == 1));
  }
}

TEST_CASE("numbers survive writing bit for bit") {
  Config config = parse_config("{}");
  for (const double value : {0.1, 1.0 / 3.0, 1e-300, 5e-324, 1e22, 123456789.123456789,
                             std::numeric_limits<double>::max()}) {
    config.optim.lr = value;
    config.optim.clip_norm = value;
    const Config again = parse_config(to_yaml(config));
    CHECK(std::bit_cast<std::uint64_t>(again.optim.lr) == std::bit_cast<std::uint64_t>(value));
  }
  config.data.mean = {0.1f, 1.0f / 3.0f, -0.0f, std::numeric_limits<float>::denorm_min(),
                      std::numeric_limits<float>::max()};
  const Config again = parse_config(to_yaml(config));
  REQUIRE(again.data.mean.size() == config.data.mean.size());
  for (std::size_t i = 0; i < again.data.mean.size(); ++i) {
    CHECK(std::bit_cast<std::uint32_t>(again.data.mean[i]) ==
          std::bit_cast<std::uint32_t>(config.data.mean[i]));
  }
}

TEST_CASE("the learning rate is a number or a map, whichever comes last") {
  const auto optim = [](const char* text, std::vector<std::string> overrides = {}) {
    return parse_config(text, "c.yaml", overrides).optim;
  };
  CHECK(optim("optim: {lr: 0.5}").lr_scaling == LrScaling::kNone);
  const char* scaled = "optim: {lr: {base: 0.5, scale_with: linear}}";
  CHECK(optim(scaled).lr_scaling == LrScaling::kLinear);
  CHECK(optim(scaled, {"optim.lr.scale_with=none"}).lr_scaling == LrScaling::kNone);
  CHECK(optim(scaled, {"optim.lr.base=0.25"}).lr == 0.25);
  CHECK(optim(scaled, {"optim.lr=0.125"}).lr == 0.125);
  CHECK(optim(scaled, {"optim.lr=0.125"}).lr_scaling == LrScaling::kNone);
  CHECK(optim("optim: {lr: {base: 0.5}}").lr == 0.5);
}

TEST_CASE("texts survive writing") {
  Config config = parse_config("{}");
  for (const char* text :
       {"runs", "auto", "null", "~",  "true", "3",  "-",  "- a",      "a: b",         "#x",
        " a ",  "'",    "\"",   "\\", "a\nb", "\t", "{}", "\xc3\xa4", "/tmp/x-1_2.d", "none"}) {
    CAPTURE(text);
    config.init.weights = text;
    config.optim.freeze = {text, "x"};
    config.train.out = text;
    config.data.root = text;
    const Config again = parse_config(to_yaml(config));
    CHECK(again.train.out == text);
    CHECK(again.data.root == text);
    CHECK(again.init.weights == text);
    CHECK(again.optim.freeze == std::vector<std::string>{text, "x"});
  }
  CHECK(parse_config("init: {weights: none}").init.weights.empty());
}

TEST_CASE("JSON is read as well") {
  const Config config = parse_config(
      R"({"model": {"name": "swin", "image_size": [32, 32], "patch_size": 2, "embed_dim": 16,
          "depths": [2, 2], "num_heads": [2, 4], "qkv_bias": true, "position": ["relative"]}})");
  CHECK(config.model.embed_dim == 16);
  CHECK(config.model.position.relative);
}

TEST_CASE("the published sizes are those of the paper") {
  const auto model = [](const char* name) {
    return load_config(test::source("configs/swin_") + name + ".yaml").model;
  };
  CHECK(model("tiny").embed_dim == 96);
  CHECK(model("tiny").depths == std::vector<std::int64_t>{2, 2, 6, 2});
  CHECK(model("small").depths == std::vector<std::int64_t>{2, 2, 18, 2});
  CHECK(model("small").drop_path == 0.3);
  CHECK(model("base").num_heads == std::vector<std::int64_t>{4, 8, 16, 32});
  CHECK(model("large").embed_dim == 192);
  CHECK(model("large").num_classes == 1000);
}

TEST_CASE("what a run is to be trained with is what its checkpoints can be read with") {
  Config config = parse_config("data: {name: image_folder, root: d, classes: [a, b]}");
  config.data.classes.clear();
  for (int k = 0; k < 21'841; ++k) config.data.classes.push_back(fmt::format("n{:08}", k));
  config.model.num_classes = 21'841;
  check_storable(config);
  CHECK(parse_config(to_yaml(config)).data.classes == config.data.classes);
  config.data.classes[7] = "caf\xe9";
  CHECK(error_of<ConfigError>([&] { check_storable(config); }).find("data.classes: ") == 0);
  config.data.classes[7] = "caf\u00e9";
  check_storable(config);
  config.data.root = "d\xe9";
  CHECK(error_of<ConfigError>([&] { check_storable(config); }) ==
        "data.root: \"d\\xe9\" is not UTF-8, so no checkpoint can hold it; rename it, or give it "
        "another "
        "name by a link");
}

TEST_CASE("config: words that readers of YAML 1.1 take for something else are written in quotes") {
  Config config = parse_config("data: {name: image_folder, root: d, classes: [a]}");
  config.data.classes = {"no", "Yes", "ON", "off", "y", "N", "true", "NULL", ".5", "north", "a"};
  config.model.num_classes = 11;
  const std::string text = to_yaml(config);
  CHECK(text.find("classes: [\"no\", \"Yes\", \"ON\", \"off\", \"y\", \"N\", \"true\", \"NULL\", "
                  "\".5\", north, a]") != std::string::npos);
  CHECK(parse_config(text).data.classes == config.data.classes);
}

TEST_CASE("the reference lists every key with its default") {
  const std::string reference = config_reference();
  Config unset = unset_config();
  for (const Key& key : schema_of(unset).keys) {
    CAPTURE(key.path);
    CHECK(reference.find("| `" + key.path + "` | " + key.type) != std::string::npos);
    CHECK_FALSE(key.help.empty());
  }
  CHECK(reference.find("| `optim.weight_decay` | a number, >= 0 | `0.05` |") != std::string::npos);
  CHECK(reference.find("| `model.num_classes` | an integer or auto, in [1, 1000000] | `auto` |") !=
        std::string::npos);
}
