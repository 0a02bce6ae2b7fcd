// From an image to a map of tokens: the one interface of all patch embeddings.
#pragma once

#include <memory>

#include "core/tape.h"
#include "layers/model_config.h"

namespace tessera {

class PatchEmbed {
 public:
  virtual ~PatchEmbed() = default;

  /// images [B, H, W, C] -> tokens [B, H/Ph, W/Pw, D]
  virtual Var forward(Tape& tape, const Var& images) = 0;

  virtual void visit(ParameterVisitor& visitor) = 0;
};

/// The embedding that `config.patch_embed.type` names.
std::unique_ptr<PatchEmbed> make_patch_embed(const ModelConfig& config);

}  // namespace tessera
