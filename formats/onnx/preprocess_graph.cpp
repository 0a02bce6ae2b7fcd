#include "formats/onnx/preprocess_graph.h"

#include <array>
#include <cmath>

namespace tessera::onnx {
namespace {

/// Arithmetic on doubles of rank 0, as sizes need it.
class Numbers {
 public:
  explicit Numbers(GraphBuilder& graph) : graph_(graph) {}

  Value number(double value) { return graph_.number(value); }
  Value of(const char* op, const Value& a, const Value& b) { return graph_.node(op, {a, b}); }
  Value of(const char* op, const Value& a) { return graph_.node(op, {a}); }

 private:
  GraphBuilder& graph_;
};

/// One axis of the image: its size now and scaled, and where the middle begins; doubles.
struct Axis {
  Value from;
  Value to;
  Value begin;
};

/// The middle of images that are more than eight times as long as what the network sees, and all of
/// others, with its sides: not_too_long in data/augment/draw_placement.cpp.
Value cut_long(GraphBuilder& graph, const Value& image, Size2 size, std::array<Value, 2>& sides) {
  constexpr double kMost = 8.0;
  Numbers numbers(graph);
  const Value shape = graph.cast(graph.node("Shape", {image}), ElementType::kDouble);
  std::array<Value, 2> whole;
  for (std::size_t i = 0; i < 2; ++i) {
    whole[i] = graph.node("Gather", {shape, graph.scalar(static_cast<std::int64_t>(2 + i))});
  }
  const auto bounded = [&](std::size_t i, const Value& other) {
    const Value ratio =
        numbers.of("Div", numbers.of("Mul", other, numbers.number(static_cast<double>(size[i]))),
                   numbers.number(static_cast<double>(size[1 - i])));
    const Value most = numbers.of("Add", numbers.of("Floor", ratio), numbers.number(1.0));
    return numbers.of("Min", whole[i], numbers.of("Mul", numbers.number(kMost), most));
  };
  sides[0] = bounded(0, whole[1]);
  sides[1] = bounded(1, sides[0]);
  std::array<Value, 2> begins, ends;
  for (std::size_t i = 0; i < 2; ++i) {
    const Value spare = numbers.of("Sub", whole[i], sides[i]);
    const Value begin = numbers.of("Floor", numbers.of("Mul", numbers.number(0.5), spare));
    begins[i] = graph.node("Unsqueeze", {begin, graph.integers({0})});
    ends[i] = graph.node("Unsqueeze", {numbers.of("Add", begin, sides[i]), graph.integers({0})});
  }
  const auto joined = [&](const std::array<Value, 2>& ends_of) {
    const Value both = graph.node("Concat", {ends_of[0], ends_of[1]}, {{"axis", std::int64_t{0}}});
    return graph.cast(both, ElementType::kInt64);
  };
  return graph.node("Slice", {image, joined(begins), joined(ends), graph.integers({2, 3})});
}

/// Height and width as `fitted` in data/augment/draw_placement.cpp has them.
std::array<Axis, 2> plan_axes(GraphBuilder& graph, const std::array<Value, 2>& sides,
                              const PreprocessSpec& spec) {
  Numbers numbers(graph);
  std::array<Value, 2> scales;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto side = static_cast<double>(spec.image[i]);
    scales[i] = numbers.of("Div", numbers.number(std::floor(side / spec.test_crop)), sides[i]);
  }
  const Value scale = numbers.of("Max", scales[0], scales[1]);
  std::array<Axis, 2> axes;
  for (std::size_t i = 0; i < 2; ++i) {
    const Value side = numbers.number(static_cast<double>(spec.image[i]));
    const Value scaled = numbers.of(
        "Floor", numbers.of("Add", numbers.of("Mul", sides[i], scale), numbers.number(1e-6)));
    axes[i].from = sides[i];
    axes[i].to = numbers.of("Max", side, scaled);
    axes[i].begin = numbers.of(
        "Round", numbers.of("Mul", numbers.number(0.5), numbers.of("Sub", axes[i].to, side)));
  }
  return axes;
}

/// |x| -> 1 - |x| up to 1, or Keys' cubic with a = -1/2 up to 2; x is f32 and not negative.
Value filter(GraphBuilder& graph, const Value& x, bool bicubic) {
  const auto constant = [&](float value) { return graph.scalar(value); };
  const Value near = graph.node("Sub", {constant(1.0f), x});
  if (!bicubic) return graph.node("Relu", {near});
  const auto polynomial = [&](std::array<float, 4> c) {  // c0 + c1 x + c2 x^2 + c3 x^3
    Value y = constant(c[3]);
    for (const std::size_t i : {2u, 1u, 0u}) {
      y = graph.node("Add", {graph.node("Mul", {y, x}), constant(c[i])});
    }
    return y;
  };
  const Value inner = polynomial({1.0f, 0.0f, -2.5f, 1.5f});
  const Value outer = polynomial({2.0f, -4.0f, 2.5f, -0.5f});
  const Value is_inner = graph.node("Less", {x, constant(1.0f)});
  const Value is_outer = graph.node("Less", {x, constant(2.0f)});
  return graph.node("Where",
                    {is_inner, inner, graph.node("Where", {is_outer, outer, constant(0.0f)})});
}

/// What each of `count` pixels takes of each pixel of an axis, f32 [count, from]: rows sum to 1.
Value weights(GraphBuilder& graph, const Axis& axis, std::int64_t count, bool bicubic) {
  Numbers numbers(graph);
  const auto places = [&](const Value& size) {  // 0.5, 1.5, ...
    const Value range = graph.node("Range", {numbers.number(0.0), size, numbers.number(1.0)});
    return numbers.of("Add", range, numbers.number(0.5));
  };
  const Value step = numbers.of("Div", axis.from, axis.to);
  const Value width = numbers.of("Max", step, numbers.number(1.0));
  const Value out =
      numbers.of("Add", places(numbers.number(static_cast<double>(count))), axis.begin);
  const Value centers =
      graph.node("Unsqueeze", {numbers.of("Mul", out, step), graph.integers({1})});
  const Value distance =
      numbers.of("Sub", graph.node("Unsqueeze", {places(axis.from), graph.integers({0})}), centers);
  const Value x =
      graph.cast(numbers.of("Div", numbers.of("Abs", distance), width), ElementType::kFloat);
  const Value raw = filter(graph, x, bicubic);
  const Value sums = graph.node("ReduceSum", {raw, graph.integers({1})});
  return graph.node("Div", {raw, sums});
}

/// The nearest whole numbers in [0, 255], as Pillow keeps what a pass over an axis gives.
Value to_pixels(GraphBuilder& graph, const Value& x) {
  return graph.node("Clip", {graph.node("Round", {x}), graph.scalar(0.0f), graph.scalar(255.0f)});
}

}  // namespace

Value preprocess(GraphBuilder& graph, const Value& images, const PreprocessSpec& spec) {
  Value x = graph.cast(images, ElementType::kFloat);
  if (!spec.channels_first) x = graph.transpose(x, {0, 3, 1, 2});  // [N, C, H, W]
  std::array<Value, 2> sides;
  x = cut_long(graph, x, spec.image, sides);
  const auto axes = plan_axes(graph, sides, spec);
  const Value rows = weights(graph, axes[0], spec.image[0], spec.bicubic);     // [h, H]
  const Value columns = weights(graph, axes[1], spec.image[1], spec.bicubic);  // [w, W]
  x = to_pixels(graph,
                graph.node("MatMul", {x, graph.transpose(columns, {1, 0})}));  // [N, C, H, w]
  x = to_pixels(graph, graph.node("MatMul", {rows, x}));                       // [N, C, h, w]
  const auto channels = static_cast<std::int64_t>(spec.mean.size());
  Tensor scale = Tensor::empty({channels, 1, 1}), shift = Tensor::empty({channels, 1, 1});
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto at = static_cast<std::size_t>(c);
    scale.f32()[c] = 1.0f / (255.0f * spec.std[at]);
    shift.f32()[c] = -spec.mean[at] / spec.std[at];
  }
  x = graph.node("Mul", {x, graph.constant("preprocess.scale", scale)});
  return graph.node("Add", {x, graph.constant("preprocess.shift", shift)});
}

}  // namespace tessera::onnx
