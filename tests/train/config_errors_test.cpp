#include <doctest/doctest.h>

#include <string>

#include "tests/support/scratch_folder.h"
#include "tests/train/config_support.h"

using namespace tessera;
using namespace tessera::test;

TEST_CASE("unknown keys are named with their place and the key that was meant") {
  CHECK(errors_of("model:\n  path_size: 2\n") ==
        lines({"c.yaml:2:3: unknown key model.path_size; did you mean patch_size?"}));
  CHECK(errors_of("trian: {epochs: 1}") ==
        lines({"c.yaml:1:1: unknown key trian; did you mean train?"}));
  CHECK(errors_of("optim: {schedule: {warm_up_epochs: 1}}") ==
        lines({"c.yaml:1:20: unknown key optim.schedule.warm_up_epochs; did you mean "
               "warmup_epochs?"}));
  CHECK(errors_of("train: {lr: 1}") ==
        lines({"c.yaml:1:9: unknown key train.lr; did you mean optim.lr?"}));
  CHECK(errors_of("data: {augment: {qqqqqq: 1}}") ==
        lines({"c.yaml:1:18: unknown key data.augment.qqqqqq; known here: repeats, crop_area, "
               "crop_aspect, "
               "crop_padding, flip, scale, crop, class_share, zoom_out, photometric, policy, "
               "policy_ops, policy_magnitude, policy_std, color_jitter, "
               "hue_jitter, erase, erase_mode, mixup, cutmix, mix_probability, mix_switch"}));
}

TEST_CASE("a value of the wrong type says what was expected and what was found") {
  struct Case {
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"model: {embed_dim: four}", "20: model.embed_dim: expected an integer, got \"four\""},
      {"model: {embed_dim: 4.0}", "20: model.embed_dim: expected an integer, got \"4.0\""},
      {"model: {embed_dim: \"4\"}",
       "20: model.embed_dim: expected an integer, got the quoted text \"4\""},
      {"model: {embed_dim: [4]}", "20: model.embed_dim: expected an integer, got a list"},
      {"model: {embed_dim: {a: 4}}", "20: model.embed_dim: expected an integer, got a map"},
      {"model: {embed_dim: }", "9: model.embed_dim: expected an integer, got nothing"},
      {"model: {num_classes: many}",
       "22: model.num_classes: expected an integer or auto, got \"many\""},
      {"model: {patch_size: [2, 2, 2]}",
       "21: model.patch_size: expected an integer or [height, width], got a list of 3"},
      {"model: {patch_size: [2, x]}", "25: model.patch_size[1]: expected an integer, got \"x\""},
      {"model: {depths: 2}", "17: model.depths: expected a list of 1 to 8 integers, got \"2\""},
      {"model: {depths: []}",
       "17: model.depths: expected a list of 1 to 8 integers, got a list of 0"},
      {"model: {qkv_bias: yes}", "19: model.qkv_bias: expected true or false, got \"yes\""},
      {"model: {qkv_bias: \"true\"}",
       "19: model.qkv_bias: expected true or false, got the quoted text \"true\""},
      {"model: {name: resnet}", "15: model.name: expected swin, swin_v2 or vit, got \"resnet\""},
      {"model: {position: relativ}",
       "19: model.position: expected auto, relative, continuous, absolute, sincos or none, or a "
       "list of them, got \"relativ\"; did you mean relative?"},
      {"optim: {name: adam}",
       "15: optim.name: expected adamw, muon or sgd, got \"adam\"; did you mean adamw?"},
      {"optim: {lr: fast}", "13: optim.lr: expected a number, got \"fast\""},
      {"optim: {betas: 0.9}", "16: optim.betas: expected a list of two numbers, got \"0.9\""},
      {"optim: 3", "8: optim: expected a map of keys, got \"3\""},
      {"optim: auto", "8: optim: expected a map of keys, got \"auto\""},
      {"data: {normalize: no}", "19: data.normalize: expected a map of keys or auto, got \"no\""},
      {"data: {root: }", "8: data.root: expected a text or auto, got nothing"},
      {"data: {root: ''}", "14: data.root: expected a text or auto, got the quoted text \"\""},
      {"train: {out: [a]}", "14: train.out: expected a text, got a list"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(errors_of(c.text) == lines({"c.yaml:1:" + c.error}));
  }
}

TEST_CASE("a number out of range names the range") {
  struct Case {
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"optim: {lr: {base: 0}}", "20: optim.lr.base: expected a number > 0, got 0"},
      {"optim: {lr: {base: 1, scale: linear}}",
       "23: unknown key optim.lr.scale; did you mean scale_with?"},
      {"optim: {lr: {peak: 1}}", "14: unknown key optim.lr.peak; known here: base, scale_with"},
      {"optim: {lr: {scale_with: sqrt}}",
       "13: optim.lr: base is missing: {base: 0.001, scale_with: sqrt}"},
      {"optim: {lr: [1]}", "13: optim.lr: expected a number, got a list"},
      {"optim: {lr: {base: 1, scale_with: cubic}}",
       "35: optim.lr.scale_with: expected none, linear or sqrt, got \"cubic\""},
      {"optim: {lr: 0}", "13: optim.lr: expected a number > 0, got 0"},
      {"optim: {lr: -1e-3}", "13: optim.lr: expected a number > 0, got -1e-3"},
      {"optim: {lr: .inf}", "13: optim.lr: expected a number, got \".inf\""},
      {"optim: {lr: inf}", "13: optim.lr: expected a finite number > 0, got inf"},
      {"optim: {lr: nan}", "13: optim.lr: expected a finite number > 0, got nan"},
      {"optim: {lr: 1e999}", "13: optim.lr: expected a finite number > 0, got 1e999"},
      {"optim: {betas: [0.9, 1.0]}", "22: optim.betas[1]: expected a number in [0, 1), got 1.0"},
      {"model: {drop_path: 1.5}", "20: model.drop_path: expected a number in [0, 1), got 1.5"},
      {"model: {mlp_ratio: 0}", "20: model.mlp_ratio: expected a number in (0, 64], got 0"},
      // Images are scaled to the model's size by this: less is gigabytes each.
      {"data: {test_crop: 0.001}", "19: data.test_crop: expected a number in [0.1, 1], got 0.001"},
      {"model: {num_classes: 0}",
       "22: model.num_classes: expected an integer in [1, 1000000], got 0"},
      {"train: {epochs: -1}", "17: train.epochs: expected an integer in [0, 1000000], got -1"},
      {"train: {threads: 0}", "18: train.threads: expected an integer in [1, 4096], got 0"},
      {"train: {max_steps: 99999999999999999999}",
       "20: train.max_steps: expected an integer >= 0, got 99999999999999999999"},
      {"train: {seed: 4294967296}",
       "15: train.seed: expected an integer in [0, 4294967295], got 4294967296"},
      {"data: {normalize: {std: [0]}}", "26: data.normalize.std[0]: expected a number > 0, got 0"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(errors_of(c.text) == lines({"c.yaml:1:" + c.error}));
  }
}

TEST_CASE("duplicate keys are found at any depth") {
  CHECK(errors_of("model:\n  patch_size: 2\n  embed_dim: 96\n  patch_size: 4\n") ==
        lines({"c.yaml:4:3: duplicate key model.patch_size; first on line 2"}));
  CHECK(errors_of("train: {epochs: 1}\noptim: {}\ntrain: {seed: 1}\n") ==
        lines({"c.yaml:3:1: duplicate key train; first on line 1"}));
  CHECK(errors_of("optim: {schedule: {gamma: 1, gamma: 1}}") ==
        lines({"c.yaml:1:30: duplicate key optim.schedule.gamma; first on line 1"}));
}

TEST_CASE("everything wrong is reported at once, in the order of the file") {
  const std::string text =
      "train:\n"
      "  epochs: ten\n"
      "model:\n"
      "  path_size: 2\n"
      "  depths: [2, 2]\n"
      "  num_heads: [5, 6]\n"
      "  embed_dim: 96\n"
      "optim: {lr: 0, betas: [0.9, 2], lr: 1}\n"
      "data: {name: cifar11}\n";
  CHECK(
      errors_of(text) ==
      lines(
          {"c.yaml:2:11: train.epochs: expected an integer, got \"ten\"",
           "c.yaml:4:3: unknown key model.path_size; did you mean patch_size?",
           "c.yaml:6:15: [model] embed_dim 96 % num_heads 5 != 0; nearest that divide: "
           "num_heads 4 or 6, embed_dim 90 or 105",
           "c.yaml:8:29: optim.betas[1]: expected a number in [0, 1), got 2",
           "c.yaml:8:33: duplicate key optim.lr; first on line 8",
           "c.yaml:9:14: data.name: expected none, fashion_mnist, mnist, cifar10, cifar100, "
           "synthetic, image_folder, image_masks, voc, coco or yolo, got \"cifar11\"; did you mean "
           "cifar10?"}));
}

TEST_CASE("a key with dots is refused in a file, whatever else says of the key that it means") {
  const std::string model = "model: {image_size: 32, in_channels: 1, num_classes: 2}\n";
  CHECK(errors_of(model + "optim.lr: 0.1\n") ==
        lines({"c.yaml:2:1: optim.lr: keys with dots are for --set and for axes; write lr: below "
               "optim:"}));
  CHECK(errors_of(model + "optim: {lr: 0.2}\noptim.lr: 0.1\ndata.augment.flip: true\n") ==
        lines({"c.yaml:3:1: optim.lr: keys with dots are for --set and for axes; write lr: below "
               "optim:",
               "c.yaml:4:1: data.augment.flip: keys with dots are for --set and for axes; write "
               "flip: below data.augment:"}));
  CHECK(errors_of(model + "data: {augment.flip: true}\n") ==
        lines({"c.yaml:2:8: data.augment.flip: keys with dots are for --set and for axes; write "
               "flip: below data.augment:"}));
}

TEST_CASE("a text that is no configuration is refused in one line") {
  struct Case {
    std::string text;
    std::string error;
  };
  std::string nested;
  for (int i = 0; i < 40; ++i) nested = "{a: " + nested + "}";
  std::string long_list;
  for (int i = 0; i <= 100'000; ++i) long_list += "- a\n";
  std::string long_map;
  for (int i = 0; i <= 2000; ++i) long_map += fmt::format("k{}: a\n", i);
  const Case cases[] = {
      {"", "c.yaml: the configuration is empty"},
      {long_list, "c.yaml:100001:3: more than 100000 entries in one list"},
      {long_map, "c.yaml:2001:8: more than 2000 entries in one map"},
      {"# nothing\n", "c.yaml: the configuration is empty"},
      {"[1, 2]", "c.yaml:1:1: expected the sections model, data, optim and train, got a list"},
      {"swin", "c.yaml:1:1: expected the sections model, data, optim and train, got \"swin\""},
      {"model: {patch_size: 2\n", "c.yaml:2:1: end of map flow not found"},
      {"model: 1\n train: 2\n", "c.yaml:2:7: illegal map value"},
      {"model:\n\tpatch_size: 4\n", "c.yaml:2:1: a tab: YAML is indented by blanks alone"},
      {"train: &t {}\n",
       "c.yaml:1:8: anchors and aliases are not supported; share settings "
       "through base:"},
      {"train: *t\n", "c.yaml:1:8: the referenced anchor is not defined"},
      {"train: {epochs: !!int 3}\n", "c.yaml:1:17: tags are not supported: tag:yaml.org,2002:int"},
      {"train: {}\n---\ntrain: {}\n", "c.yaml:2:1: text after the end of the document"},
      {std::string("\x89PNG\r\n\x1a\n\0\0", 10), "c.yaml:2:1: not a text file: byte 0x1a"},
      {nested, "c.yaml:1:129: nested deeper than 32 levels"},
      {"? [a]\n: 3\n", "c.yaml:1:3: a list or map where a key should be; is a bracket not closed?"},
      {std::string((1 << 24) + 1, ' '),
       "c.yaml: more than 16777216 bytes; is this a configuration?"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.error);
    CHECK(errors_of(c.text) == lines({c.error}));
  }
}

TEST_CASE("a file that cannot be read is named") {
  const ScratchFolder folder;
  const std::string missing = (folder.path() / "missing.yaml").string();
  CHECK(errors_of_file(missing) == lines({missing + ": no such file"}));
  CHECK(errors_of_file(folder.path()) ==
        lines({folder.path().string() + ": a directory, not a configuration file"}));
}
