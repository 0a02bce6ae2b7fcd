// A small convolutional network in the place of one large patch projection.
#pragma once

#include <optional>
#include <vector>

#include "layers/conv2d.h"
#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/model_problems.h"
#include "layers/patch/patch_embed.h"

namespace tessera {

/// 3 x 3 convolutions, each with norm and ReLU, that halve the map until a token is a patch, then a
/// 1 x 1 projection; arXiv:2106.14881 section 3. Then layer norm if `norm`.
///
/// `stem_channels` gives the width of each convolution and so their number: the first log2(P) of
/// them have stride 2, further ones stride 1. Empty: log2(P) convolutions (one for P = 1) whose
/// widths double up to embed_dim, never below 8: 24, 48 for P = 4 and embed_dim 48. On an axis with
/// the smaller P the later strides are 1. Maps are padded by 1 as in the paper: ceil(H / Ph) x
/// ceil(W / Pw) tokens, no pixel unseen.
///
/// The paper's norm is batch norm. This is layer norm over the channels of each place: it keeps no
/// running statistics, so that training and testing compute the same, a resumed or accumulated step
/// is the same step, and no sample depends on the others of its batch.
class ConvStem final : public PatchEmbed {
 public:
  explicit ConvStem(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  PatchEmbedPlan plan(Size2 image) const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  struct Convolution {
    Conv2d conv;
    LayerNorm norm;

    void visit(ParameterVisitor& visitor);
  };

  std::vector<Convolution> stem_;
  Linear proj_;
  std::optional<LayerNorm> norm_;
};

/// Width and stride of each 3 x 3 convolution of a stem.
struct StemConv {
  static constexpr Size2 kKernel{3, 3};

  std::int64_t channels;
  Conv2dRule rule;
};
std::vector<StemConv> stem_convs(const ModelConfig& config);

}  // namespace tessera
