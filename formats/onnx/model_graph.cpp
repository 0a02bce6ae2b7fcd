#include "formats/onnx/model_graph.h"

#include <fmt/format.h>

#include <array>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "formats/onnx/layer_graph.h"

namespace tessera::onnx {
namespace {

// [N, h, w, C] -> [N, 1, 1 + h w, C]
Value prepend_token(LayerGraph& layers, const Value& tokens, Size2 map) {
  GraphBuilder& graph = layers.graph();
  const std::int64_t channels = layers.config().embed_dim;
  const Value token =
      graph.constant("cls_token", layers.parameter("cls_token").reshape({1, 1, 1, channels}));
  const Value batch = graph.node("Shape", {tokens}, {{"end", std::int64_t{1}}});
  const Value shape =
      graph.node("Concat", {batch, graph.integers({1, 1, channels})}, {{"axis", std::int64_t{0}}});
  return graph.node(
      "Concat",
      {graph.node("Expand", {token, shape}), graph.reshape(tokens, {1, map[0] * map[1], channels})},
      {{"axis", std::int64_t{2}}});
}

// images [N, C, H, W] -> the one map [N, h, w, C], or with a class token [N, 1, 1 + h w, C], before
// its norm; see VisionTransformer.
Value vit(LayerGraph& layers, const Value& images) {
  const ModelPlan plan = plan_model(layers.config());
  const bool has_token = layers.config().pool == Pooling::kToken;
  Value x = patch_embed(layers, images);
  if (has_token) x = prepend_token(layers, x, plan.embed.map);
  x = layers.position(x, "pos_embed", plan.embed.map, has_token ? 1 : 0);
  const StagePlan& stage = plan.stages.front();
  for (std::int64_t block = 0; block < stage.depth; ++block) {
    x = layers.block(x, fmt::format("blocks.{}", block), stage, block);
  }
  return x;
}

// images [N, C, H, W] -> a map [N, h, w, C] a stage, before its norm; see SwinTransformer.
std::vector<Value> swin(LayerGraph& layers, const Value& images) {
  const ModelPlan plan = plan_model(layers.config());
  Value x = layers.position(patch_embed(layers, images), "absolute_pos_embed", plan.embed.map, 0);
  std::vector<Value> maps;
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    const std::string name = fmt::format("stages.{}", i);
    for (std::int64_t block = 0; block < stage.depth; ++block) {
      x = layers.block(x, fmt::format("{}.blocks.{}", name, block), stage, block);
    }
    maps.push_back(x);
    if (i + 1 < plan.stages.size()) {
      x = patch_merging(layers, x, name + ".downsample", stage);
    }
  }
  return maps;
}

/// The bytes of the tensors, each at its place.
std::int64_t write_weights(const std::vector<Tensor>& weights, AtomicFile& file) {
  constexpr std::array<std::byte, ModelFiles::kAlignment> kZeros{};
  std::int64_t offset = 0;
  for (const Tensor& tensor : weights) {
    const std::span<const std::byte> bytes = std::as_bytes(tensor.span<float>());
    const auto size = static_cast<std::int64_t>(bytes.size());
    const std::int64_t gap = -(offset + size) & (ModelFiles::kAlignment - 1);
    file.write(bytes);
    file.write(std::span(kZeros).first(static_cast<std::size_t>(gap)));
    offset += size + gap;
  }
  return offset;
}

WrittenModel write_files(const std::filesystem::path& path, const std::filesystem::path& beside,
                         const ModelFiles& files) {
  AtomicFile model(path);
  model.write(files.model);
  WrittenModel written{.bytes = static_cast<std::int64_t>(files.model.size())};
  if (!files.weights.empty()) {
    AtomicFile weights(beside);
    written.bytes += write_weights(files.weights, weights);
    written.weights = beside;
    // An older model must not be found beside the new weights, whatever happens in between.
    if (is_there(path)) remove_path(path);
    weights.commit();
  }
  model.commit();
  return written;
}

}  // namespace

WrittenModel export_model(const std::filesystem::path& path, const ModelConfig& config,
                          const ParameterStore& parameters,
                          const std::vector<std::pair<std::string, std::string>>& metadata,
                          const ModelGraphOptions& options) {
  ModelConfig resolved = config;
  resolve_position(resolved);
  if (is_filling(config.head.type)) {
    fail<ConfigError>(
        "[onnx] model.head.type pixels: a model that fills images in is not written; train a "
        "classifier or a dense model from its weights");
  }
  if (!config.patch_sizes.empty()) {
    fail<ConfigError>(
        "[onnx] model.patch_sizes: a model of several patch sizes is not written; convert --model "
        "fits its weights to a configuration of one");
  }
  GraphBuilder graph;
  LayerGraph layers(graph, resolved, parameters, options.codes);
  const std::optional<PreprocessSpec>& images = options.images;
  Value input = GraphBuilder::kInput;
  if (images) {
    if (config.head.type != HeadType::kLinear) {
      fail<ConfigError>("[onnx] model.head.type: only a classifier is written with preprocessing");
    }
    graph.take_images({config.in_channels, images->channels_first});
    input = preprocess(graph, GraphBuilder::kImage, *images);
  }
  const std::vector<Value> maps =
      resolved.name == ModelName::kViT ? std::vector{vit(layers, input)} : swin(layers, input);
  std::vector<Output> outputs = head(layers, maps, {.detections = options.detections});
  if (images) {
    outputs.front().name = "probabilities";
    outputs.front().value =
        graph.node("Softmax", {outputs.front().value}, {{"axis", std::int64_t{-1}}});
  }
  std::filesystem::path beside = path;
  beside += ".data";
  const ModelFiles files =
      graph.finish(outputs, {config.in_channels, config.image_size[0], config.image_size[1]},
                   metadata, beside.filename().string(), options.most_inside);
  return write_files(path, beside, files);
}

}  // namespace tessera::onnx
