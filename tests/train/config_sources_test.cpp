#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"
#include "tests/train/config_support.h"
#include "train/config/sources.h"

using namespace tessera;
using namespace tessera::test;

TEST_CASE("maps merge, lists and scalars are replaced") {
  Problems problems;
  YamlNode below =
      parse_tree("a: {x: 1, y: [1, 2], z: {p: 1}}\nb: 1\nk: {q: 1}\n", "below", problems);
  merge(below, parse_tree("a: {y: [3], z: {r: 2}, w: 4}\nb: {c: 2}\nk:\n", "above", problems));
  const YamlNode& a = below.find("a")->value;
  CHECK(a.find("x")->value.text == "1");
  CHECK(a.find("x")->value.mark.file == "below");
  REQUIRE(a.find("y")->value.items.size() == 1);
  CHECK(a.find("y")->value.items[0].text == "3");
  CHECK(to_string(a.find("y")->value.mark) == "above:1:8");
  CHECK(a.find("z")->value.find("p")->value.text == "1");
  CHECK(a.find("z")->value.find("r")->value.text == "2");
  CHECK(a.find("w")->value.text == "4");
  CHECK(below.find("b")->value.is_map());
  CHECK(below.find("k")->value.find("q")->value.text == "1");
  CHECK(problems.empty());
}

TEST_CASE("a base is read first, through a chain, relative to the file that names it") {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder.path() / "inner");
  write_text(folder.path() / "inner" / "a.yaml",
             "model: {patch_size: 8, depths: [2, 2], num_heads: [2, 4], embed_dim: 8}\n");
  write_text(folder.path() / "inner" / "b.yaml",
             "base: a.yaml\nmodel: {patch_size: 4}\ntrain: {epochs: 3}\n");
  write_text(folder.path() / "c.yaml", "train: {seed: 7}\nbase: inner/b.yaml\n");
  const Config config = load_config(folder.path() / "c.yaml");
  CHECK(config.model.depths == std::vector<std::int64_t>{2, 2});
  CHECK(config.model.patch_size == Size2{4, 4});
  CHECK(config.train.epochs == 3);
  CHECK(config.train.seed == 7);
}

TEST_CASE("problems are reported in the file they come from") {
  const ScratchFolder folder;
  const std::string a = (folder.path() / "a.yaml").string();
  const std::string b = (folder.path() / "b.yaml").string();
  write_text(a, "model:\n  path_size: 8\n  embed_dim: 10\n");
  write_text(b, "base: a.yaml\nmodel: {num_heads: [3, 3, 3, 3]}\noptim: {lr: x}\n");
  CHECK(errors_of_file(b) ==
        lines({a + ":2:3: unknown key model.path_size; did you mean patch_size?",
               b + ":2:21: [model] embed_dim 10 % num_heads 3 != 0; nearest that divide: num_heads "
                   "2 or 5, embed_dim 9 or 12",
               b + ":2:24: [model] stage 2: embed_dim 10 * 2 = 20 % num_heads 3 != 0; nearest that "
                   "divide: num_heads 2 or 4, embed_dim 9 or 12",
               b + ":2:27: [model] stage 3: embed_dim 10 * 4 = 40 % num_heads 3 != 0; nearest that "
                   "divide: num_heads 2 or 4, embed_dim 9 or 12",
               b + ":2:30: [model] stage 4: embed_dim 10 * 8 = 80 % num_heads 3 != 0; nearest that "
                   "divide: num_heads 2 or 4, embed_dim 9 or 12",
               b + ":3:13: optim.lr: expected a number, got \"x\""}));
}

TEST_CASE("a base that is missing, leads back or is no name") {
  const ScratchFolder folder;
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  write_text(file("self.yaml"), "base: ./self.yaml\n");
  write_text(file("a.yaml"), "base: b.yaml\n");
  write_text(file("b.yaml"), "train: {epochs: 1}\nbase: a.yaml\n");
  write_text(file("lost.yaml"), "base: none.yaml\n");
  write_text(file("list.yaml"), "base: [a.yaml]\n");
  write_text(file("here.yaml"), "base: .\n");
  CHECK(errors_of_file(file("self.yaml")) ==
        lines({file("self.yaml") + ":1:7: base: " + file("self.yaml") + " leads back to itself"}));
  CHECK(errors_of_file(file("a.yaml")) ==
        lines({file("b.yaml") + ":2:7: base: " + file("a.yaml") + " leads back to itself"}));
  CHECK(errors_of_file(file("lost.yaml")) ==
        lines({file("lost.yaml") + ":1:7: base: " + file("none.yaml") + ": no such file"}));
  CHECK(errors_of_file(file("list.yaml")) ==
        lines({file("list.yaml") + ":1:7: base: expected a file name, got a list"}));

  CHECK(errors_of_file(file("here.yaml")).find("a directory") != std::string::npos);
}

TEST_CASE("overrides are YAML, come last and name themselves in errors") {
  const std::string text =
      "model: {patch_size: 4, depths: [2, 2], num_heads: [2, 4], embed_dim: 8}\n";
  const std::vector<std::string> overrides{
      "model.patch_size=[2, 4]", "optim.schedule={name: step, milestones: [3, 5]}",
      "data.root=a=b",           "model.position=none",
      "model.depths=[1, 3]",     "train.epochs=5",
      "train.epochs=6"};
  const Config config = parse_config(text, "c.yaml", overrides);
  CHECK(config.model.patch_size == Size2{2, 4});
  CHECK(config.model.depths == std::vector<std::int64_t>{1, 3});
  CHECK(config.model.embed_dim == 8);
  CHECK_FALSE(config.model.position.relative);
  CHECK(config.optim.schedule.name == ScheduleName::kStep);
  CHECK(config.optim.schedule.milestones == std::vector<double>{3.0, 5.0});
  CHECK(config.data.root == "a=b");
  CHECK(config.train.epochs == 6);

  CHECK(errors_of(text, {"model.path_size=2", "optim.lr=0", "novalue", "a..b=1", "base=x.yaml"}) ==
        lines({"--set a..b: expected KEY=VALUE, as in --set model.patch_size=4",
               "--set base: base: can only be set in a file",
               "--set model.path_size: unknown key model.path_size; did you mean patch_size?",
               "--set novalue: expected KEY=VALUE, as in --set model.patch_size=4",
               "--set optim.lr: optim.lr: expected a number > 0, got 0"}));
  CHECK(errors_of(text, {"model.embed_dim=[1"}) ==
        lines({"--set model.embed_dim: a list or map where a key should be; is a bracket not "
               "closed?"}));
  CHECK(errors_of(text, {"train={epochs: 1, epochs: 2}"}) ==
        lines({"--set train: duplicate key epochs"}));
}
