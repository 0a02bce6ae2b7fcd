// What keys that are not given, or given as auto, become.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data/dataset_info.h"
#include "tests/train/config_support.h"

using namespace tessera;
using namespace tessera::test;

TEST_CASE("an auxiliary head may be none, and is on again where its keys are given") {
  const auto read = [](const std::string& auxiliary, std::vector<std::string> overrides = {}) {
    return parse_config("model: {num_classes: 3, head: {type: fcn, auxiliary: " + auxiliary + "}}",
                        "c.yaml", overrides);
  };
  const Config off = read("none");
  CHECK_FALSE(off.model.head.auxiliary.on);
  CHECK(to_yaml(off).find("    auxiliary: none\ninit:") != std::string::npos);
  CHECK_FALSE(parse_config(to_yaml(off)).model.head.auxiliary.on);
  CHECK(read("{weight: 0.2}").model.head.auxiliary.on);
  CHECK(read("").model.head.auxiliary.on);
  const Config again = read("none", {"model.head.auxiliary.weight=0.2"});
  CHECK(again.model.head.auxiliary.on);
  CHECK(again.model.head.auxiliary.weight == 0.2);
  CHECK_FALSE(read("\"none\"").model.head.auxiliary.on);  // as JSON has it
  CHECK_FALSE(read("{weight: 0.2}", {"model.head.auxiliary=none"}).model.head.auxiliary.on);
  CHECK(errors_of("model: {head: {auxiliary: no}}") ==
        lines({"c.yaml:1:27: model.head.auxiliary: expected a map of keys or none, got \"no\""}));
}

TEST_CASE("what a head puts out decides on the edge of patches and on the task") {
  const auto read = [](const std::string& text) { return parse_config(text); };
  CHECK(read("model: {depths: [2], num_heads: [3]}").model.patch_embed.edge == PatchEdge::kDrop);
  const Config dense = read("model: {head: {type: upernet}}");
  CHECK(dense.model.patch_embed.edge == PatchEdge::kPad);
  CHECK(dense.task.name == TaskName::kSegmentation);
  CHECK(to_yaml(dense).find("edge: pad") != std::string::npos);
  CHECK(read("model: {head: {type: fcn}, patch_embed: {edge: drop}}").model.patch_embed.edge ==
        PatchEdge::kDrop);
  CHECK(errors_of("task: {name: segmentation}") ==
        lines({"c.yaml:1:14: [task] segmentation needs model.head.type: upernet, fpn or fcn"}));
  CHECK(errors_of("task: {name: classification}\nmodel: {head: {type: fpn}}") ==
        lines({"c.yaml:2:22: [task] model.head.type upernet, fpn or fcn is for task.name: "
               "segmentation"}));
}

TEST_CASE("auto takes the numbers of the data set, or the published ones without") {
  const Config fashion = parse_config("data: {name: fashion_mnist, normalize: auto, root: auto}");
  CHECK(fashion.has_data);
  CHECK(fashion.model.image_size == Size2{28, 28});
  CHECK(fashion.model.in_channels == 1);
  CHECK(fashion.model.num_classes == 10);
  CHECK(fashion.data.root.empty());
  CHECK(fashion.data.mean.empty());
  const Config given = parse_config(
      "data: {name: cifar100}\nmodel: {num_classes: auto, in_channels: auto, image_size: auto}");
  CHECK(given.model.num_classes == 100);
  CHECK(given.model.in_channels == 3);
  CHECK(given.model.image_size == Size2{32, 32});
  const Config bare = parse_config("model: {num_classes: auto}\ntrain: {threads: auto}");
  CHECK_FALSE(bare.has_data);
  CHECK(bare.model.num_classes == 1000);
  CHECK(bare.model.image_size == Size2{224, 224});
  CHECK(bare.train.threads == 0);
  CHECK(parse_config("data: {workers: auto}").data.workers >= 1);
  CHECK(parse_config("data: {root: \"auto\"}").data.root == "auto");
}

TEST_CASE("position: auto is that of the model's paper, alone or beside others") {
  const auto position = [](const std::string& model) {
    return parse_config("model: {" + model + "}").model.position;
  };
  CHECK(position("name: swin").relative);
  CHECK_FALSE(position("name: swin").automatic);
  CHECK(position("name: swin_v2").continuous);
  CHECK_FALSE(position("name: swin_v2").relative);
  CHECK(position("name: vit, depths: [2], num_heads: [3]").absolute);
  CHECK_FALSE(position("name: vit, depths: [2], num_heads: [3]").relative);
  const PositionConfig both = position("name: swin_v2, position: [auto, sincos]");
  CHECK(both.continuous);
  CHECK(both.sincos);
  CHECK_FALSE(position("position: none").relative);
}
