// What all heads share that put out classes of every position.
#pragma once

#include <optional>
#include <vector>

#include "layers/heads/conv_norm.h"
#include "layers/model_problems.h"

namespace tessera {

/// 3 x 3 convolutions with norm and ReLU in a row, as many as `count`; none leaves maps as they
/// are.
class ConvRow {
 public:
  ConvRow(std::int64_t in_channels, std::int64_t channels, std::int64_t count,
          const ConvNormRule& rule);

  std::int64_t out_channels() const { return out_channels_; }

  /// [B, H, W, in] -> [B, H, W, out]
  Var forward(Tape& tape, const Var& x);
  HeadPlan plan(Size2 size) const;
  void visit(ParameterVisitor& visitor) { visitor("convs", convs_); }

 private:
  std::int64_t out_channels_;
  std::vector<ConvNorm> convs_;
};

/// A ConvRow on the map of one stage and a classifier, trained along: arXiv:1612.01105 section 3.4.
class AuxiliaryHead {
 public:
  explicit AuxiliaryHead(const ModelConfig& config);

  std::size_t stage() const { return stage_; }

  /// The maps of all stages -> logits [B, h, w, K] of the map that it reads.
  Var forward(Tape& tape, std::span<const StageMap> maps);
  HeadPlan plan(std::span<const MapShape> maps) const;
  void visit(ParameterVisitor& visitor);

 private:
  std::size_t stage_;
  ConvRow row_;
  PixelClassifier classifier_;
};

/// One map of features made of those of some stages, a classifier of its positions, and in training
/// an auxiliary head.
class DenseHead : public Head {
 public:
  /// What in the parts that all of them have cannot be meant.
  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  StageOutputs reads() const final;
  HeadPlan plan(std::span<const MapShape> maps, Size2 image) const final;

  /// -> {logits [B, h, w, K]} of the finest map that `features` reads; while a tape records, those
  /// of the auxiliary head of the map that it reads come behind.
  std::vector<Var> forward(Tape& tape, std::span<const StageMap> maps, Size2 image) final;

  /// Its own layers, `classifier`, `auxiliary`.
  void visit(ParameterVisitor& visitor) final;

 protected:
  /// `stages`: those that `features` reads, in rising order; `channels`: what it makes of them.
  DenseHead(const ModelConfig& config, std::vector<std::size_t> stages, std::int64_t channels);

  /// The maps of all stages -> [B, h, w, channels] of the first of `stages`.
  virtual Var features(Tape& tape, std::span<const StageMap> maps) = 0;
  virtual HeadPlan features_plan(std::span<const MapShape> maps) const = 0;
  virtual void visit_features(ParameterVisitor& visitor) = 0;

 private:
  std::vector<std::size_t> stages_;
  PixelClassifier classifier_;
  std::optional<AuxiliaryHead> auxiliary_;
};

/// The rule of all convolutions of a dense head.
ConvNormRule conv_norm_rule(const HeadConfig& config);

/// The stage whose map the auxiliary head reads; it may be one that the model has not.
std::size_t auxiliary_stage(const ModelConfig& config);

/// Numbers of all stages of the model.
std::vector<std::size_t> all_stages(const ModelConfig& config);

/// Rows and columns of a map [B, h, w, C].
inline Size2 size_of_map(const Var& map) { return {map.dim(1), map.dim(2)}; }

}  // namespace tessera
