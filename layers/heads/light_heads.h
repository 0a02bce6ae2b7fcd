// Heads of semantic segmentation that cost little.
#pragma once

#include "layers/heads/dense_head.h"

namespace tessera {

/// How many convolutions an FcnHead has.
std::int64_t fcn_convs(const HeadConfig& config);

/// `convs` convolutions on the last map: arXiv:1411.4038.
class FcnHead final : public DenseHead {
 public:
  explicit FcnHead(const ModelConfig& config);

 private:
  FcnHead(const ModelConfig& config, ConvRow row);

  Var features(Tape& tape, std::span<const StageMap> maps) override;
  HeadPlan features_plan(std::span<const MapShape> maps) const override;
  void visit_features(ParameterVisitor& visitor) override { row_.visit(visitor); }

  std::size_t stage_;
  ConvRow row_;
};

/// Every map projected to one width and enlarged to the finest; there all are summed, or joined by
/// one 1 x 1 convolution as in the decoder of arXiv:2105.15203 section 3.2.
class FpnHead final : public DenseHead {
 public:
  explicit FpnHead(const ModelConfig& config);

 private:
  Var features(Tape& tape, std::span<const StageMap> maps) override;
  HeadPlan features_plan(std::span<const MapShape> maps) const override;
  void visit_features(ParameterVisitor& visitor) override;

  std::vector<ConvNorm> projections_;
  std::optional<ConvNorm> fuse_;  ///< of kConcat
};

}  // namespace tessera
