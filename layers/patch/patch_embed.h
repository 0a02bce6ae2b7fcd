// From an image to a map of tokens: the one interface of all patch embeddings.
#pragma once

#include <memory>
#include <vector>

#include "core/tape.h"
#include "layers/config_problem.h"
#include "layers/model_config.h"

namespace tessera {

/// What an embedding makes of one image; known before any memory is taken.
struct PatchEmbedPlan {
  Size2 map{};            ///< tokens
  Size2 unused_pixels{};  ///< at the right and bottom: no token sees them
  std::int64_t macs = 0;  ///< multiply-adds
  std::int64_t kept = 0;  ///< values that a training step keeps, beside image and tokens
};

class PatchEmbed {
 public:
  virtual ~PatchEmbed() = default;

  virtual PatchEmbedPlan plan() const = 0;

  /// images [B, H, W, C] -> tokens [B, h, w, D], where {h, w} is plan().map
  virtual Var forward(Tape& tape, const Var& images) = 0;

  virtual void visit(ParameterVisitor& visitor) = 0;
};

/// What in `config` has no meaning for its patch embedding. A patch that is larger than the image
/// is looked for elsewhere.
std::vector<ConfigProblem> patch_embed_problems(const ModelConfig& config);

/// The embedding that `config.patch_embed.type` names; `config` has no problems.
std::unique_ptr<PatchEmbed> make_patch_embed(const ModelConfig& config);

}  // namespace tessera
