// Study files: what they mean and what is said of those that mean nothing.
#include "study/study.h"

#include <doctest/doctest.h>

#include "tests/study/study_support.h"

namespace tessera {
namespace {

using test::errors_of_study;
using test::study_of;

TEST_CASE("a study is read: values of keys, bundles of settings, everything beside them") {
  const Study study = study_of(R"(
axes:
  model.patch_size: [2, [4, 2]]
  head: {plain: , wide: {model.mlp_ratio: 2.0, optim: {lr: 0.01}}}
seeds: [3, 5]
match: macs
budget: 90
metrics: [loss, train_top1]
baseline: {head: wide}
skip: [{model.patch_size: [4, 2], head: plain}]
)");
  CHECK(study.name == "s");
  REQUIRE(study.axes.size() == 2);
  CHECK(study.axes[0].name == "model.patch_size");
  CHECK(study.axes[0].values[1].label == "[4, 2]");
  CHECK(study.axes[1].values[0].label == "plain");
  CHECK(study.axes[1].values[0].settings.entries.empty());
  CHECK(study.axes[1].values[1].settings.entries.size() == 2);
  CHECK(study.seeds == std::vector<std::int64_t>{3, 5});
  CHECK(study.match == Match::kMacs);
  CHECK(study.budget == 90.0);
  CHECK(study.metrics == std::vector<std::string>{"val/loss", "train/top1"});
  CHECK(study.baseline == Labels{{"head", "wide"}});
  CHECK(study.skip.size() == 1);
  CHECK(study.config.find("axes") == nullptr);
  CHECK(study.config.find("model") != nullptr);
}

TEST_CASE("what a study leaves out") {
  const Study study = study_of("axes: {model.patch_size: [2, 4]}\nseeds: [0]\n");
  CHECK(study.match == Match::kNone);
  CHECK(study.budget == 0.0);
  CHECK(study.metrics == std::vector<std::string>{"val/top1", "val/loss"});
  CHECK(study.baseline.empty());
}

TEST_CASE("a study asks for the test split by a key, or by the name of a figure") {
  const std::string text = "axes: {model.patch_size: [2, 4]}\nseeds: [0]\n";
  CHECK_FALSE(study_of(text).test);
  const Study asks = study_of(text + "test: true\n");
  CHECK(asks.test);
  CHECK(asks.metrics ==
        std::vector<std::string>{"val/top1", "val/loss", "test/top1", "best/test/top1"});
  const Study names = study_of(text + "metrics: [test/loss, val/top1]\n");
  CHECK(names.test);
  CHECK(names.metrics == std::vector<std::string>{"test/loss", "val/top1"});
  CHECK(study_of(text + "quick: {test: false}\ntest: true\n", {}, true).test == false);
  CHECK(errors_of_study(text + "metrics: [best/test/top1]\ntest: false\n") ==
        "s.yaml:8:7: test: false, but metrics has best/test/top1");
  const std::vector<std::string> all = reported_metrics(asks, make_grid(asks)[0].config);
  CHECK(std::count(all.begin(), all.end(), "test/macro_f1") == 1);
  CHECK(std::count(all.begin(), all.end(), "best/test/top5") == 1);
}

TEST_CASE("the wanted interval is in the units of the tables") {
  const std::string text = "axes: {model.patch_size: [2, 4]}\nseeds: [0]\ninterval: 0.5\n";
  CHECK(wanted_half_width(study_of(text)) == doctest::Approx(0.005));
  CHECK(wanted_half_width(study_of(text + "metrics: [loss]\n")) == doctest::Approx(0.5));
  CHECK(errors_of_study(text, {"interval=-1"}) ==
        "--set interval: interval: expected a number > 0, got -1");
}

TEST_CASE("quick settings are laid over the study when they are asked for") {
  const std::string text = R"(
axes: {model.patch_size: [2, 4], model.embed_dim: [16, 32]}
seeds: [0, 1, 2]
quick: {train.epochs: 1, seeds: [7], axes: {model.patch_size: [4, 8]}}
)";
  CHECK(study_of(text).seeds.size() == 3);
  const Study quick = study_of(text, {}, true);
  CHECK(quick.name == "s-quick");
  CHECK(quick.seeds == std::vector<std::int64_t>{7});
  CHECK(quick.axes[0].values[1].label == "8");
  CHECK(quick.axes[1].values[1].label == "32");
  CHECK(make_grid(quick)[0].config.train.epochs == 1);
  CHECK(make_grid(quick)[0].config.model.embed_dim == 16);
  const std::string error = test::error_of<ConfigError>(
      [] { study_of("axes: {model.patch_size: [2]}\nseeds: [0]\n", {}, true); });
  CHECK(error == "s.yaml:2:1: quick: expected a map of settings, got nothing");
}

TEST_CASE("the command line changes a study and its configuration") {
  const std::string text = "axes: {model.patch_size: [2, 4]}\nseeds: [0]\n";
  const Study study = study_of(
      text, {"seeds=[1, 2]", "axes.model.patch_size=[4, 8]", "train.epochs=9", "match=params"});
  CHECK(study.seeds.size() == 2);
  CHECK(study.axes[0].values[0].label == "4");
  CHECK(study.match == Match::kParams);
  CHECK(make_grid(study)[0].config.train.epochs == 9);
  CHECK(errors_of_study(text, {"model.patch_size=4"}) ==
        "--set model.patch_size: is an axis of this study; its values are set by --set "
        "'axes.model.patch_size=[...]'");
}

TEST_CASE("everything wrong with a study is reported at once, with its place") {
  CHECK(errors_of_study(R"(
axes:
  model.path_size: [2, 4]
  model.embed_dim: [16, wide, 16, 16]
  model.patch_embed: [1]
  train.seed: [0, 1]
  model.depths: []
  both: {a: 3, b: {model.windw_size: 7}}
seeds: []
match: mac
metrics: [top1, accuracy]
budget: 0
baseline: {model.embed_dimm: 16}
skip: {model.embed_dim: 16}
axis: {}
trian: {epochs: 3}
)") == "s.yaml:7:3: axes: unknown key model.path_size; did you mean model.patch_size?\n"
       "s.yaml:8:25: model.embed_dim: expected an integer, got \"wide\"\n"
       "s.yaml:8:31: axes: model.embed_dim: 16 is given twice\n"
       "s.yaml:8:35: axes: model.embed_dim: 16 is given twice\n"
       "s.yaml:9:3: axes: model.patch_embed is a section and not a key; give bundles of settings, "
       "model.patch_embed: {NAME: {...}}, or one of its keys\n"
       "s.yaml:10:3: axes: train.seed is varied by seeds\n"
       "s.yaml:11:17: axes: model.depths: expected a list of values or a map of bundles, got "
       "none\n"
       "s.yaml:12:13: axes: both: a: expected a map of settings, got \"3\"\n"
       "s.yaml:12:20: unknown key model.windw_size; did you mean window_size?\n"
       "s.yaml:13:8: seeds: expected a list of 1 to 1000 integers, got a list of 0\n"
       "s.yaml:14:8: match: expected none, macs, params, tokens or time, got \"mac\"; did you mean "
       "macs?\n"
       "s.yaml:15:17: metrics: expected one of val/loss, val/top1, val/top5, "
       "val/balanced_accuracy, val/macro_f1, train/loss, train/top1, or test/ or best/test/ for "
       "val/, got "
       "\"accuracy\"; did you mean val/balanced_accuracy?\n"
       "s.yaml:16:9: budget: expected a number > 0, got 0\n"
       "s.yaml:17:12: baseline: unknown axis model.embed_dimm; did you mean model.embed_dim?\n"
       "s.yaml:18:7: skip: expected a list of cells, each a map of axis and value, got a map\n"
       "s.yaml:19:1: unknown key axis; did you mean axes?\n"
       "s.yaml:20:1: unknown key trian; did you mean train?");
  CHECK(errors_of_study("seeds: [0, 0]\n") ==
        "s.yaml:2:1: axes: expected a map of what varies, as in axes: {model.patch_size: [2, 4]}, "
        "got nothing\n"
        "s.yaml:5:12: seeds: 0 is given twice");
  CHECK(errors_of_study("axes: {model.patch_size: [2, 4]}\n") ==
        "s.yaml:2:1: seeds: expected a list of 1 to 1000 integers, got nothing");
  CHECK(errors_of_study("axes: {model.patch_size: [2, 4]}\nseeds: [0]\n"
                        "baseline: {model.patch_size: 3}\n") ==
        "s.yaml:7:30: baseline: model.patch_size has no value 3; known: 2, 4");
}

}  // namespace
}  // namespace tessera
