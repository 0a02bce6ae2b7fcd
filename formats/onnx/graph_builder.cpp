#include "formats/onnx/graph_builder.h"

#include <fmt/format.h>

#include <protozero/pbf_writer.hpp>

namespace tessera::onnx {
namespace {

using protozero::pbf_writer;

constexpr std::int64_t kIrVersion = 8;
constexpr std::int64_t kOpset = 17;

constexpr auto kFloat = static_cast<std::int32_t>(ElementType::kFloat);
constexpr auto kUint8 = static_cast<std::int32_t>(ElementType::kUint8);
constexpr auto kInt8 = static_cast<std::int32_t>(ElementType::kInt8);
constexpr auto kInt64 = static_cast<std::int32_t>(ElementType::kInt64);
constexpr auto kDouble = static_cast<std::int32_t>(ElementType::kDouble);

// Field numbers of onnx.proto.
namespace model {
constexpr protozero::pbf_tag_type kIr = 1, kProducer = 2, kProducerVersion = 3, kGraph = 7,
                                  kOpsetImport = 8, kMetadata = 14;
}
namespace graph {
constexpr protozero::pbf_tag_type kNode = 1, kName = 2, kInitializer = 5, kInput = 11, kOutput = 12;
}
namespace node {
constexpr protozero::pbf_tag_type kInput = 1, kOutput = 2, kName = 3, kOp = 4, kAttribute = 5;
}
namespace attribute {
constexpr protozero::pbf_tag_type kName = 1, kReal = 2, kInt = 3, kText = 4, kInts = 8, kType = 20;
constexpr std::int32_t kTypeReal = 1, kTypeInt = 2, kTypeText = 3, kTypeInts = 7;
}  // namespace attribute
namespace tensor {
constexpr protozero::pbf_tag_type kDims = 1, kType = 2, kName = 8, kRaw = 9, kExternal = 13,
                                  kLocation = 14;
constexpr std::int32_t kLocationExternal = 1;
}  // namespace tensor

void write_attribute(pbf_writer& parent, const Attribute& from) {
  pbf_writer to(parent, node::kAttribute);
  to.add_string(attribute::kName, from.name);
  switch (from.kind) {
    case Attribute::Kind::kInt:
      to.add_int64(attribute::kInt, from.ints.front());
      to.add_enum(attribute::kType, attribute::kTypeInt);
      return;
    case Attribute::Kind::kInts:
      for (const std::int64_t value : from.ints) to.add_int64(attribute::kInts, value);
      to.add_enum(attribute::kType, attribute::kTypeInts);
      return;
    case Attribute::Kind::kFloat:
      to.add_float(attribute::kReal, from.real);
      to.add_enum(attribute::kType, attribute::kTypeReal);
      return;
    case Attribute::Kind::kText:
      to.add_string(attribute::kText, from.text);
      to.add_enum(attribute::kType, attribute::kTypeText);
      return;
  }
}

// ValueInfoProto of a tensor [N, dims...], or [dims...].
void write_value_info(pbf_writer& parent, protozero::pbf_tag_type tag, const Output& output) {
  pbf_writer info(parent, tag);
  info.add_string(1, output.name);
  pbf_writer type(info, 2);
  pbf_writer tensor_type(type, 1);
  tensor_type.add_enum(1, static_cast<std::int32_t>(output.type));
  pbf_writer shape(tensor_type, 2);
  if (output.has_batch) pbf_writer(shape, 1).add_string(2, "N");
  for (const std::int64_t dim : output.dims) pbf_writer(shape, 1).add_int64(1, dim);
}

// The same of images of any size.
void write_images_info(pbf_writer& parent, const std::string& name, const ImagesInput& images) {
  pbf_writer info(parent, graph::kInput);
  info.add_string(1, name);
  pbf_writer type(info, 2);
  pbf_writer tensor_type(type, 1);
  tensor_type.add_enum(1, static_cast<std::int32_t>(ElementType::kUint8));
  pbf_writer shape(tensor_type, 2);
  const auto channels = [&] { pbf_writer(shape, 1).add_int64(1, images.channels); };
  pbf_writer(shape, 1).add_string(2, "N");
  if (images.channels_first) channels();
  for (const char* side : {"H", "W"}) pbf_writer(shape, 1).add_string(2, side);
  if (!images.channels_first) channels();
}

}  // namespace

std::vector<Value> GraphBuilder::nodes(const std::string& op, const std::vector<Value>& inputs,
                                       std::size_t count,
                                       const std::vector<Attribute>& attributes) {
  const std::string name = fmt::format("{}_{}", op, nodes_++);
  std::vector<Value> outputs{name};
  while (outputs.size() < count) outputs.push_back(fmt::format("{}_{}", name, outputs.size()));
  pbf_writer writer(graph_);
  pbf_writer to(writer, graph::kNode);
  for (const Value& input : inputs) to.add_string(node::kInput, input);
  for (const Value& output : outputs) to.add_string(node::kOutput, output);
  to.add_string(node::kName, name);
  to.add_string(node::kOp, op);
  for (const Attribute& from : attributes) write_attribute(to, from);
  return outputs;
}

Value GraphBuilder::node(const std::string& op, const std::vector<Value>& inputs,
                         const std::vector<Attribute>& attributes) {
  return nodes(op, inputs, 1, attributes).front();
}

Value GraphBuilder::store(const std::string& name, std::int32_t type,
                          std::span<const std::int64_t> dims, std::span<const std::byte> bytes) {
  if (!constants_.insert(name).second) return name;
  pbf_writer writer(graph_);
  pbf_writer to(writer, graph::kInitializer);
  for (const std::int64_t dim : dims) to.add_int64(tensor::kDims, dim);
  to.add_enum(tensor::kType, type);
  to.add_string(tensor::kName, name);
  to.add_bytes(tensor::kRaw, reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return name;
}

Value GraphBuilder::constant(const std::string& name, const Tensor& tensor) {
  if (constants_.insert(name).second) tensors_.emplace_back(name, tensor);
  return name;
}

void GraphBuilder::write_constants(ModelFiles& files, const std::string& weights_name,
                                   std::int64_t most_inside) {
  constexpr std::size_t kSmall = 1024;  // as small ones stay inside, readers see shapes and scales
  std::int64_t total = 0;
  for (const auto& [name, values] : tensors_) total += static_cast<std::int64_t>(values.bytes());
  std::int64_t offset = 0;
  for (const auto& [name, values] : tensors_) {
    if (total <= most_inside || values.bytes() <= kSmall) {
      constants_.erase(name);
      store(name, kFloat, values.shape().dims(), std::as_bytes(values.span<float>()));
      continue;
    }
    pbf_writer writer(graph_);
    pbf_writer to(writer, graph::kInitializer);
    for (const std::int64_t dim : values.shape().dims()) to.add_int64(tensor::kDims, dim);
    to.add_enum(tensor::kType, kFloat);
    to.add_string(tensor::kName, name);
    const std::pair<const char*, std::string> entries[] = {
        {"location", weights_name},
        {"offset", fmt::to_string(offset)},
        {"length", fmt::to_string(values.bytes())}};
    for (const auto& [key, value] : entries) {
      pbf_writer entry(to, tensor::kExternal);
      entry.add_string(1, key);
      entry.add_string(2, value);
    }
    to.add_enum(tensor::kLocation, tensor::kLocationExternal);
    files.weights.push_back(values);
    offset += static_cast<std::int64_t>(values.bytes());
    offset += -offset & (ModelFiles::kAlignment - 1);
  }
  tensors_.clear();
}

Value GraphBuilder::integers(const std::vector<std::int64_t>& values) {
  const std::int64_t size = static_cast<std::int64_t>(values.size());
  return store(fmt::format("integers_{}", fmt::join(values, "_")), kInt64, {&size, 1},
               std::as_bytes(std::span(values)));
}

Value GraphBuilder::scalar(float value) {
  return store(fmt::format("scalar_{}", value), kFloat, {}, std::as_bytes(std::span(&value, 1)));
}

Value GraphBuilder::scalar(std::int64_t value) {
  return store(fmt::format("index_{}", value), kInt64, {}, std::as_bytes(std::span(&value, 1)));
}

Value GraphBuilder::number(double value) {
  return store(fmt::format("number_{}", value), kDouble, {}, std::as_bytes(std::span(&value, 1)));
}

Value GraphBuilder::bytes(const std::string& name, const std::vector<std::int64_t>& dims,
                          std::span<const std::int8_t> values) {
  return store(name, kInt8, dims, std::as_bytes(values));
}

Value GraphBuilder::byte(std::uint8_t value) {
  return store(fmt::format("byte_{}", value), kUint8, {}, std::as_bytes(std::span(&value, 1)));
}

Value GraphBuilder::cast(const Value& x, ElementType type) {
  return node("Cast", {x}, {{"to", static_cast<std::int64_t>(type)}});
}

Value GraphBuilder::reshape(const Value& x, std::vector<std::int64_t> dims) {
  dims.insert(dims.begin(), -1);
  return node("Reshape", {x, integers(dims)});
}

Value GraphBuilder::transpose(const Value& x, const std::vector<std::int64_t>& order) {
  return node("Transpose", {x}, {{"perm", order}});
}

Value GraphBuilder::slice(const Value& x, std::int64_t axis, std::int64_t begin, std::int64_t end,
                          std::int64_t step) {
  return node("Slice", {x, integers({begin}), integers({end}), integers({axis}), integers({step})});
}

ModelFiles GraphBuilder::finish(const std::vector<Output>& outputs,
                                const std::vector<std::int64_t>& input_dims,
                                const std::vector<std::pair<std::string, std::string>>& metadata,
                                const std::string& weights_name, std::int64_t most_inside) {
  ModelFiles files;
  write_constants(files, weights_name, most_inside);
  {
    pbf_writer writer(graph_);
    for (const Output& output : outputs) {
      pbf_writer last(writer, graph::kNode);
      last.add_string(node::kInput, output.value);
      last.add_string(node::kOutput, output.name);
      last.add_string(node::kName, output.name);
      last.add_string(node::kOp, "Identity");
    }
    writer.add_string(graph::kName, "tessera");
    if (images_) {
      write_images_info(writer, kImage, *images_);
    } else {
      write_value_info(writer, graph::kInput, {kInput, "", input_dims});
    }
    for (const Output& output : outputs) write_value_info(writer, graph::kOutput, output);
  }
  pbf_writer writer(files.model);
  writer.add_int64(model::kIr, kIrVersion);
  writer.add_string(model::kProducer, "tessera");
  writer.add_string(model::kProducerVersion, TESSERA_VERSION);
  writer.add_message(model::kGraph, graph_);
  pbf_writer(writer, model::kOpsetImport).add_int64(2, kOpset);
  for (const auto& [key, value] : metadata) {
    pbf_writer entry(writer, model::kMetadata);
    entry.add_string(1, key);
    entry.add_string(2, value);
  }
  return files;
}

Tensor transposed(const Tensor& matrix) {
  const Tensor result = Tensor::empty({matrix.dim(1), matrix.dim(0)});
  for (std::int64_t i = 0; i < matrix.dim(0); ++i) {
    for (std::int64_t j = 0; j < matrix.dim(1); ++j) {
      result.f32()[j * matrix.dim(0) + i] = matrix.f32()[i * matrix.dim(1) + j];
    }
  }
  return result;
}

}  // namespace tessera::onnx
