// From images to a pyramid of maps: the one interface of all networks.
#pragma once

#include <vector>

#include "core/tape.h"
#include "layers/layer_norm.h"
#include "layers/model_config.h"
#include "layers/patch/patch_embed.h"

namespace tessera {

struct ModelTrace;

/// The address at which the dropout after the embedding draws; those of the blocks count up from 0.
inline constexpr std::uint32_t kEmbedDraw = 0xffffu;

/// What a stage puts out.
struct StageMap {
  Var map;     ///< [B, h, w, C] before any norm, as it goes on to merging; with a class token
               ///< [B, 1, 1 + h w, C]
  Var normed;  ///< the same behind the norm of the stage; empty if it has none
};

/// The stages whose maps are read, and so how many of them there are: none is built that comes
/// after the last one.
struct StageOutputs {
  std::vector<std::size_t> stages;  ///< in rising order
  bool norm_each = false;  ///< each has a norm, `norm0`, `norm1`, ...; else only the last, `norm`

  std::size_t built() const { return stages.back() + 1; }
};

class Backbone {
 public:
  virtual ~Backbone() = default;
  Backbone(const Backbone&) = delete;
  Backbone& operator=(const Backbone&) = delete;

  /// images [B, H, W, C] of any size -> a map of each stage. `trace`, if given, receives what
  /// happened on the way. Throws ShapeError if the image is too small, or of another size than a
  /// table of positions that cannot be resized.
  virtual std::vector<StageMap> forward(Tape& tape, const Var& images,
                                        ModelTrace* trace = nullptr) = 0;

  virtual void visit(ParameterVisitor& visitor) = 0;

  /// The first layer, for those who look at it alone.
  virtual PatchEmbed& patch_embed() = 0;

 protected:
  Backbone() = default;
};

/// The norms behind stages, of those that are read.
class StageNorms {
 public:
  /// `channels` are those of each stage. The parameters have depth `depth`.
  StageNorms(const ModelConfig& config, const StageOutputs& outputs,
             const std::vector<std::int64_t>& channels, int depth);

  /// What stage `index` puts out that ends with `stream`.
  StageMap forward(Tape& tape, std::size_t index, const ResidualStream& stream);

  void visit(ParameterVisitor& visitor);

 private:
  StageOutputs outputs_;
  std::vector<LayerNorm> norms_;  ///< in the order of outputs_.stages, or the last alone
};

}  // namespace tessera
