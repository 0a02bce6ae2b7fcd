// The layers that all models share, as nodes of an ONNX graph. They correspond to those of layers/
// and read parameters under the same names; maps are channels last, as there.
#pragma once

#include <string>

#include "core/ops/conv2d.h"
#include "core/parameter.h"
#include "core/quantization.h"
#include "formats/onnx/graph_builder.h"
#include "layers/stage_plan.h"

namespace tessera::onnx {

struct AttentionPlace;

class LayerGraph {
 public:
  /// Refers to all of its arguments. The linear layers of `codes` multiply integers of 8 bits.
  LayerGraph(GraphBuilder& graph, const ModelConfig& config, const ParameterStore& parameters,
             const Quantization& codes)
      : graph_(graph), config_(config), parameters_(parameters), codes_(codes) {}

  GraphBuilder& graph() { return graph_; }
  const ModelConfig& config() const { return config_; }

  /// The parameter or buffer `name`. Throws CheckpointError if the model has none.
  Tensor parameter(const std::string& name) const;
  Tensor buffer(const std::string& name) const;
  bool has(const std::string& name) const { return parameters_.find(name) != nullptr; }

  /// [..., in] -> [..., out], with `name.weight` and, if there is one, `name.bias`
  Value linear(const Value& x, const std::string& name);

  /// The same with another bias [out], or none.
  Value linear(const Value& x, const std::string& name, const Tensor& bias);

  /// The same with another weight [out, in] as well.
  Value linear(const Value& x, const std::string& name, const Tensor& weight, const Tensor& bias);

  /// [..., C] -> [..., C]; `patch_norm` with the epsilon of patch embeddings and mergings.
  Value layer_norm(const Value& x, const std::string& name);
  Value patch_norm(const Value& x, const std::string& name);

  /// Channels first, as ONNX has it: [N, C, H, W] -> [N, D, H', W'], with `name.weight` and, if
  /// there is one, `name.bias`
  Value conv(const Value& map, const std::string& name, const ops::Conv2dConfig& config);

  /// Adds the positions of the tokens [N, h, w, D]: `name`, if it is learned. `extra` tokens stand
  /// in front of those of `map`.
  Value position(const Value& tokens, const std::string& name, Size2 map, std::int64_t extra);

  /// Block `index` of a stage, whose parameters begin with `name`.  [N, H, W, C] -> [N, H, W, C]
  Value block(const Value& x, const std::string& name, const StagePlan& stage, std::int64_t index);

  /// The mean over a map.  [N, h, w, C] -> [N, C]
  Value mean_pool(const Value& x);

 private:
  Value norm(const Value& x, const std::string& name, float epsilon);
  Value mlp(const Value& x, const std::string& name);
  Value attend(const Value& x, const AttentionPlace& place);
  Value quantized_product(const Value& x, const std::string& name, const LinearCode& code);

  GraphBuilder& graph_;
  const ModelConfig& config_;
  const ParameterStore& parameters_;
  const Quantization& codes_;
};

/// images [N, C, H, W] -> tokens [N, h, w, D]; see PatchEmbed.
Value patch_embed(LayerGraph& layers, const Value& images);

/// What leads from `stage` to the next, with parameters that begin with `name`.
/// [N, H, W, C] -> [N, ceil(H/2), ceil(W/2), C']; see PatchMerging.
Value patch_merging(LayerGraph& layers, const Value& x, const std::string& name,
                    const StagePlan& stage);

/// The attention of one block.
struct AttentionPlace {
  std::string name;  ///< what its parameters' names begin with
  const StagePlan& stage;
  const WindowPlan& plan;
};

/// [N, H, W, C] -> [N, H, W, C]; see WindowAttention.
Value window_attention(LayerGraph& layers, const Value& x, const AttentionPlace& place);

}  // namespace tessera::onnx
