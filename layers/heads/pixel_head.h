// The decoder of SimMIM: pixels of what the backbone did not see.
#pragma once

#include <vector>

#include "layers/conv2d.h"
#include "layers/heads/head.h"
#include "layers/mask_token.h"

namespace tessera {

/// What it puts out.
struct PixelOutput {
  static constexpr std::size_t kPixels = 0;  ///< [B, H', W', C], normalised, H' >= H, W' >= W
  static constexpr std::size_t kHidden = 1;  ///< [B, gh, gw] f32: 1 where a square was hidden
};

/// A 1 x 1 convolution of the last map behind its norm, and ops::pixel_shuffle: arXiv:2111.09886
/// section 3.3.
class PixelHead final : public Head {
 public:
  explicit PixelHead(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config) {
    return masking_problems(config);
  }

  StageOutputs reads() const override { return {.stages = {stage_}}; }
  HeadPlan plan(std::span<const MapShape> maps, Size2 image) const override;

  /// -> see PixelOutput
  std::vector<Var> forward(Tape& tape, std::span<const StageMap> maps, Size2 image) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  ModelConfig config_;
  std::size_t stage_;
  Conv2d decoder_;
};

}  // namespace tessera
