// Writes ONNX models (opset 17, IR 8): nodes and constants, one call each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace tessera::onnx {

/// The name of a value within a graph.
using Value = std::string;

/// An attribute of a node, under the name that ONNX's operator reference gives it.
struct Attribute {
  enum class Kind : std::uint8_t { kInt, kInts, kFloat, kText };

  Attribute(std::string name_, std::int64_t value)
      : name(std::move(name_)), kind(Kind::kInt), ints{value} {}
  Attribute(std::string name_, std::vector<std::int64_t> values)
      : name(std::move(name_)), kind(Kind::kInts), ints(std::move(values)) {}
  Attribute(std::string name_, float value)
      : name(std::move(name_)), kind(Kind::kFloat), real(value) {}
  Attribute(std::string name_, std::string value)
      : name(std::move(name_)), kind(Kind::kText), text(std::move(value)) {}

  std::string name;
  Kind kind;
  std::vector<std::int64_t> ints{};
  float real = 0.0f;
  std::string text{};
};

/// TensorProto.DataType, as far as graphs here have need of it.
enum class ElementType : std::int32_t {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kInt64 = 7,
  kDouble = 11
};

/// Images of any size, as a program has them: uint8 [N, H, W, C] or [N, C, H, W].
struct ImagesInput {
  std::int64_t channels = 3;
  bool channels_first = false;
};

/// A result of a graph, under the name that the file gives it.
struct Output {
  std::string name;
  Value value;
  std::vector<std::int64_t> dims;  ///< behind the batch
  ElementType type = ElementType::kFloat;
  bool has_batch = true;
};

/// A model as files hold it. A message of Protocol Buffers has at most 2 GiB: what is larger keeps
/// its weights in a file beside it.
struct ModelFiles {
  std::string model;              ///< the ONNX file
  std::vector<Tensor> weights{};  ///< f32, of the file beside it; empty: there is none

  static constexpr std::int64_t kAlignment = 64;  ///< of each of `weights` in its file, in bytes
};

/// Bytes of constants from which on they lie in a file of their own.
inline constexpr std::int64_t kMostInside = 2'000'000'000;

/// A graph in the making. Values come into being in the order of the calls, which is the order that
/// ONNX wants.
class GraphBuilder {
 public:
  /// Adds a node of one output and returns that. Nodes are numbered, so names are unique. An empty
  /// input is one that is left out.
  Value node(const std::string& op, const std::vector<Value>& inputs,
             const std::vector<Attribute>& attributes = {});

  /// The same with `count` outputs.
  std::vector<Value> nodes(const std::string& op, const std::vector<Value>& inputs,
                           std::size_t count, const std::vector<Attribute>& attributes = {});

  /// A constant named `name`, f32. Given again, the name stands for the first.
  Value constant(const std::string& name, const Tensor& tensor);

  /// A constant [values.size()] of integers; equal ones are stored once.
  Value integers(const std::vector<std::int64_t>& values);

  /// A constant of rank 0.
  Value scalar(float value);
  Value scalar(std::int64_t value);
  Value number(double value);

  /// A constant `dims` of s8, and one of rank 0 of u8.
  Value bytes(const std::string& name, const std::vector<std::int64_t>& dims,
              std::span<const std::int8_t> values);
  Value byte(std::uint8_t value);

  Value cast(const Value& x, ElementType type);

  /// Every dimension but the first, the batch, is known.  -> [-1, dims...]
  Value reshape(const Value& x, std::vector<std::int64_t> dims);

  Value transpose(const Value& x, const std::vector<std::int64_t>& order);

  /// Elements [begin, end) of one axis, every `step`th.
  Value slice(const Value& x, std::int64_t axis, std::int64_t begin, std::int64_t end,
              std::int64_t step = 1);

  /// The whole model: `input` [N, input_dims...] f32, of any N -> `outputs`. `metadata` are pairs
  /// of key and value. If the constants come to more than `most_inside` bytes, all but the smallest
  /// lie in a file called `weights_name` in the folder of the model. Nothing can be added
  /// afterwards.
  ModelFiles finish(const std::vector<Output>& outputs, const std::vector<std::int64_t>& input_dims,
                    const std::vector<std::pair<std::string, std::string>>& metadata,
                    const std::string& weights_name, std::int64_t most_inside = kMostInside);

  /// The model takes `image` in the place of `input`.
  void take_images(const ImagesInput& images) { images_ = images; }

  static constexpr const char* kImage = "image";
  static constexpr const char* kInput = "input";

 private:
  Value store(const std::string& name, std::int32_t type, std::span<const std::int64_t> dims,
              std::span<const std::byte> bytes);

  void write_constants(ModelFiles& files, const std::string& weights_name,
                       std::int64_t most_inside);

  std::string graph_;                                    ///< GraphProto as far as it is written
  std::vector<std::pair<std::string, Tensor>> tensors_;  ///< constants that are written at the end
  std::set<std::string> constants_;
  std::int64_t nodes_ = 0;
  std::optional<ImagesInput> images_;
};

/// [rows, columns] -> [columns, rows]: weights as MatMul wants them.
Tensor transposed(const Tensor& matrix);

}  // namespace tessera::onnx
