#include "core/parameter.h"

#include <doctest/doctest.h>

#include <cmath>

namespace tessera {
namespace {

struct Leaf {
  Parameter weight{{3, 5}, Init::truncated_normal(0.5f), true};
  Parameter bias{{3}, Init::ones(), false};
  void visit(ParameterVisitor& visitor) {
    visitor("weight", weight);
    visitor("bias", bias);
  }
};

struct Tree {
  std::vector<Leaf> blocks = std::vector<Leaf>(2);
  std::unique_ptr<Leaf> head = std::make_unique<Leaf>();
  std::unique_ptr<Leaf> absent;
  Parameter scale{{}, Init::uniform(2.0f), false};
  void visit(ParameterVisitor& visitor) {
    visitor("blocks", blocks);
    visitor("head", head);
    visitor("absent", absent);
    visitor("scale", scale);
  }
};

TEST_CASE("parameters are named by their place in the tree") {
  Tree tree;
  ParameterStore store(tree);
  std::vector<std::string> names;
  for (const auto& entry : store.entries()) names.push_back(entry.name);
  CHECK(names == std::vector<std::string>{"blocks.0.weight", "blocks.0.bias", "blocks.1.weight",
                                          "blocks.1.bias", "head.weight", "head.bias", "scale"});
  CHECK(store.count() == 3 * 18 + 1);
  REQUIRE(store.find("head.bias") != nullptr);
  CHECK(store.find("head.bias")->parameter == &tree.head->bias);
  CHECK(store.find("head.missing") == nullptr);
}

struct Holder {
  static constexpr bool kMembersAreGroups = true;
  std::vector<Tree> parts = std::vector<Tree>(1);
  Leaf end;
  void visit(ParameterVisitor& visitor) {
    visitor("parts", parts);
    visitor("end", end);
  }
};

TEST_CASE("parameters are grouped by the outermost layer, or its members if it says so") {
  struct Model {
    std::vector<Holder> stages = std::vector<Holder>(2);
    Tree tree;
    Parameter token{{1}, Init::ones(), false};
    void visit(ParameterVisitor& visitor) {
      visitor("stages", stages);
      visitor("tree", tree);
      visitor("token", token);
    }
  } model;
  const ParameterStore store(model);
  CHECK(store.find("stages.0.parts.0.blocks.1.bias")->group == "stages.0.parts.0");
  CHECK(store.find("stages.1.end.weight")->group == "stages.1.end");
  CHECK(store.find("tree.head.bias")->group == "tree");
  CHECK(store.find("token")->group == "token");
}

TEST_CASE("a fact can be set on all parameters of a layer") {
  Tree tree;
  for_each_parameter(*tree.head, [](Parameter& parameter) { parameter.depth = 3; });
  CHECK(tree.head->weight.depth == 3);
  CHECK(tree.head->bias.depth == 3);
  CHECK(tree.scale.depth == 0);
  CHECK(Parameter::matrix({2, 3}, Init::zeros()).is_matrix);
  CHECK(Parameter::matrix({2, 3}, Init::zeros()).decay);
}

TEST_CASE("values and gradients are views into flat buffers, aligned and padded with zeros") {
  Tree tree;
  ParameterStore store(tree);
  store.initialize(1);
  const Tensor covered = Tensor::zeros(store.values().shape());
  for (const auto& entry : store.entries()) {
    CHECK(entry.offset % 16 == 0);
    CHECK(entry.parameter->value.f32() == store.values().f32() + entry.offset);
    CHECK(entry.parameter->grad.f32() == store.grads().f32() + entry.offset);
    CHECK(entry.parameter->value.shape() == entry.parameter->shape);
    for (std::int64_t i = 0; i < entry.parameter->value.numel(); ++i) {
      CHECK(covered.f32()[entry.offset + i]++ == 0.0f);
    }
  }
  for (std::int64_t i = 0; i < covered.numel(); ++i) {
    if (covered.f32()[i] == 0.0f) CHECK(store.values().f32()[i] == 0.0f);
  }
}

TEST_CASE("initial values follow their kind and depend only on seed and name") {
  Tree tree;
  ParameterStore store(tree);
  store.initialize(7);
  for (const float value : tree.head->bias.value.span()) CHECK(value == 1.0f);
  for (const float value : tree.head->weight.value.span()) CHECK(std::abs(value) <= 1.0f);
  CHECK(std::abs(tree.scale.value.f32()[0]) <= 2.0f);
  CHECK(tree.blocks[0].weight.value.f32()[0] != tree.blocks[1].weight.value.f32()[0]);

  struct Other {
    Parameter first{{100}, Init::zeros(), true};
    Leaf head;
    void visit(ParameterVisitor& visitor) {
      visitor("first", first);
      visitor("head", head);
    }
  } other;
  ParameterStore second(other);
  second.initialize(7);
  for (std::size_t i = 0; i < 15; ++i) {
    CHECK(other.head.weight.value.span()[i] == tree.head->weight.value.span()[i]);
  }
  const float before = other.head.weight.value.f32()[0];
  second.initialize(8);
  CHECK(other.head.weight.value.f32()[0] != before);
}

TEST_CASE("complete_gradients zeroes only what no backward pass reached") {
  Tree tree;
  ParameterStore store(tree);
  store.grads().fill(5.0f);
  store.clear_gradients();
  tree.head->bias.grad_ready = true;
  store.complete_gradients();
  CHECK(tree.head->bias.grad.f32()[0] == 5.0f);
  CHECK(tree.head->weight.grad.f32()[14] == 0.0f);
  CHECK(tree.scale.grad.f32()[0] == 0.0f);
}

TEST_CASE("buffers have names and initial values, and are no parameters") {
  struct Layer {
    Parameter weight{{3}, Init::ones(), true};
    Buffer mean{Shape{3}}, variance{Shape{17}, 1.0f};
    void visit(ParameterVisitor& visitor) {
      visitor("weight", weight);
      visitor("mean", mean);
      visitor("variance", variance);
    }
  };
  struct Model {
    std::vector<Layer> layers = std::vector<Layer>(2);
    void visit(ParameterVisitor& visitor) { visitor("layers", layers); }
  } model;
  ParameterStore store(model);
  CHECK(store.entries().size() == 2);
  CHECK(store.count() == 6);
  std::vector<std::string> names;
  std::int64_t total = 0;
  for (const auto& [name, buffer] : store.buffers()) {
    names.push_back(name);
    CHECK(buffer->value.shape() == buffer->shape);
    CHECK(buffer->value.f32() == store.buffer_values().f32() + total);
    for (const float value : buffer->value.span()) CHECK(value == buffer->initial);
    total += (buffer->shape.numel() + 15) / 16 * 16;
  }
  CHECK(names == std::vector<std::string>{"layers.0.mean", "layers.0.variance", "layers.1.mean",
                                          "layers.1.variance"});
  CHECK(store.buffer_values().numel() == total);
  model.layers[1].variance.value.fill(5.0f);
  store.initialize(3);
  CHECK(model.layers[1].variance.value.f32()[16] == 1.0f);

  Leaf plain;
  CHECK_FALSE(static_cast<bool>(ParameterStore(plain).buffer_values()));
}

TEST_CASE("a truncated normal without a sigma of its own takes the one given") {
  struct Layer {
    Parameter weight{{64, 64}, Init::truncated_normal(), true};
    void visit(ParameterVisitor& visitor) { visitor("weight", weight); }
  } layer;
  ParameterStore store(layer);
  const auto deviation = [&] {
    double squares = 0.0;
    for (const float w : layer.weight.value.span()) squares += static_cast<double>(w * w);
    return std::sqrt(squares / (64 * 64));
  };
  store.initialize(1);
  CHECK(deviation() == doctest::Approx(0.02).epsilon(0.04));
  store.initialize(1, 0.1f);
  CHECK(deviation() == doctest::Approx(0.1).epsilon(0.04));
}

}  // namespace
}  // namespace tessera
