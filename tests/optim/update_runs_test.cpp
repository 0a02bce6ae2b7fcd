#include "optim/update_runs.h"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>

#include "core/error.h"
#include "optim/optimizer.h"
#include "tests/optim/toy_model.h"

namespace tessera {
namespace {

/// A parameter of 16 elements of a model: its name and depth.
struct Place {
  std::string name;
  int depth;
};

struct NamedModel {
  std::vector<std::pair<std::string, Parameter>> parameters;

  explicit NamedModel(const std::vector<Place>& places) {
    for (const Place& place : places) {
      parameters.emplace_back(place.name, Parameter({16}, Init::ones(), true));
      parameters.back().second.depth = place.depth;
    }
  }
  void visit(ParameterVisitor& visitor) {
    for (auto& [name, parameter] : parameters) visitor(name, parameter);
  }
};

std::vector<double> scales_of(const std::vector<Place>& places, double layer_decay) {
  NamedModel model(places);
  const ParameterStore store(model);
  std::vector<double> scales;
  for (const UpdateRun& run : update_runs(store, layer_decay)) {
    for (std::int64_t i = run.begin; i < run.end; i += 16) scales.push_back(run.lr_scale);
  }
  return scales;
}

const std::vector<Place> kSwin{{"patch_embed.proj.weight", 0},
                               {"absolute_pos_embed", 0},
                               {"stages.0.blocks.0.attn.qkv.weight", 1},
                               {"stages.0.blocks.0.mlp.fc1.weight", 1},
                               {"stages.0.blocks.1.norm1.weight", 2},
                               {"stages.0.downsample.reduction.weight", 2},
                               {"stages.1.blocks.0.norm1.weight", 3},
                               {"norm.weight", 4},
                               {"head.weight", 4}};

TEST_CASE("update_runs: the learning rate falls from the head to the embedding") {
  CHECK(scales_of(kSwin, 0.5) ==
        std::vector<double>{0.0625, 0.0625, 0.125, 0.125, 0.25, 0.25, 0.5, 1.0, 1.0});
  CHECK(scales_of({{"cls_token", 0}, {"blocks.0", 1}, {"blocks.1", 2}, {"norm.bias", 3}}, 0.1) ==
        std::vector<double>{std::pow(0.1, 3), std::pow(0.1, 2), 0.1, 1.0});
  CHECK(scales_of(kSwin, 1.0) == std::vector<double>(kSwin.size(), 1.0));
}

TEST_CASE("update_runs: what is updated alike makes one run") {
  NamedModel model(kSwin);
  const ParameterStore store(model);
  CHECK(update_runs(store).size() == 1);
  CHECK(update_runs(store, 0.5).size() == 5);
  model.parameters[1].second.frozen = true;
  const auto runs = update_runs(store);
  REQUIRE(runs.size() == 3);
  CHECK(runs[1].lr_scale == 0.0);
  CHECK(runs[1].begin == 16);
  CHECK(runs[1].end == 32);
}

TEST_CASE("runs_within: what of each run lies in the parts") {
  const std::vector<UpdateRun> runs = {
      {0, 32, true, 1.0}, {32, 64, false, 1.0}, {64, 96, true, 0.5}};
  const auto within = [&](const std::vector<ElementRange>& parts) {
    std::vector<std::vector<std::int64_t>> found;
    for (const UpdateRun& run : runs_within(runs, parts)) {
      const auto whole = std::ranges::find_if(runs, [&](const UpdateRun& other) {
        return other.begin <= run.begin && run.end <= other.end;
      });
      REQUIRE(whole != runs.end());
      CHECK(whole->decay == run.decay);
      CHECK(whole->lr_scale == run.lr_scale);
      found.push_back({run.begin, run.end});
    }
    return found;
  };
  using Found = std::vector<std::vector<std::int64_t>>;
  CHECK(within({{0, 96}}) == Found{{0, 32}, {32, 64}, {64, 96}});
  CHECK(within({{16, 80}}) == Found{{16, 32}, {32, 64}, {64, 80}});
  CHECK(within({{0, 16}, {16, 32}, {48, 96}}) == Found{{0, 16}, {16, 32}, {48, 64}, {64, 96}});
  CHECK(within({{32, 48}}) == Found{{32, 48}});
  CHECK(within({}).empty());
}

TEST_CASE("freeze_parameters: by pattern; typing errors and nothing left are refused") {
  const auto frozen = [](const std::vector<std::string>& patterns) {
    NamedModel model(kSwin);
    freeze_parameters(ParameterStore(model), patterns);
    std::string marks;
    for (const auto& [name, parameter] : model.parameters) marks += parameter.frozen ? '1' : '0';
    return marks;
  };
  const auto error = [&](const std::vector<std::string>& patterns) -> std::string {
    try {
      frozen(patterns);
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  };
  CHECK(frozen({}) == "000000000");
  CHECK(frozen({"patch_embed.*", "stages.0.*"}) == "101111000");
  CHECK(frozen({"*.weight"}) == "101111111");
  CHECK(frozen({"stages.?.blocks.0.norm1.weight"}) == "000000100");
  CHECK(error({"stage.0.*"}) ==
        "optim.freeze: no parameter fits \"stage.0.*\"; names look like patch_embed.proj.weight");
  CHECK(error({"*"}).find("nothing is left to train") != std::string::npos);
}

TEST_CASE("optimizers: a frozen parameter keeps its bits, a scaled one moves by as much less") {
  for (const OptimizerName name :
       {OptimizerName::kAdamW, OptimizerName::kMuon, OptimizerName::kSgd}) {
    CAPTURE(static_cast<int>(name));
    OptimConfig config;
    config.name = name;
    config.weight_decay = 0.1;
    const auto after = [&](bool freeze, double layer_decay) {
      NamedModel model({{"patch_embed.weight", 0}, {"blocks.0.weight", 1}, {"head.weight", 2}});
      ParameterStore store(model);
      store.initialize(3);
      if (freeze) freeze_parameters(store, std::vector<std::string>{"patch_embed.*"});
      config.layer_decay = layer_decay;
      const auto optimizer = make_optimizer(config, store);
      test::draw_gradients(store, 1);
      optimizer->step(0.01, 1.0f);
      return store.values().clone();
    };
    const Tensor plain = after(false, 1.0), frozen = after(true, 1.0), scaled = after(false, 0.5);
    for (int i = 0; i < 16; ++i) {
      CHECK(frozen.f32()[i] == 1.0f);
      CHECK(plain.f32()[i] != 1.0f);
      CHECK(frozen.f32()[16 + i] == plain.f32()[16 + i]);
      const auto moved = [i](const Tensor& t, int at) { return double{t.f32()[at + i]} - 1.0; };
      CHECK(moved(scaled, 0) == doctest::Approx(0.25 * moved(plain, 0)).epsilon(1e-3));
      CHECK(moved(scaled, 16) == doctest::Approx(0.5 * moved(plain, 16)).epsilon(1e-3));
      CHECK(scaled.f32()[32 + i] == plain.f32()[32 + i]);
    }
  }
}

}  // namespace
}  // namespace tessera
