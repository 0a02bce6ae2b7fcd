#include "layers/model.h"

#include <utility>

#include "core/error.h"
#include "layers/heads/make_head.h"
#include "layers/model_problems.h"
#include "layers/stage_plan.h"
#include "layers/swin_transformer.h"
#include "layers/vision_transformer.h"

namespace tessera {
namespace {

ModelConfig resolved(ModelConfig config) {
  resolve_position(config);
  resolve_patch_edge(config);
  throw_first_problem(config);
  return config;
}

std::unique_ptr<Backbone> make_backbone(const ModelConfig& config, const Head& head) {
  const ModelPlan plan = plan_model(finest(config), head);
  if (config.name == ModelName::kViT) {
    return std::make_unique<VisionTransformer>(config, plan, head.reads());
  }
  return std::make_unique<SwinTransformer>(config, plan, head.reads());
}

}  // namespace

Model::Model(const ModelConfig& config) : Model(config, make_head(resolved(config))) {}

Model::Model(const ModelConfig& config, std::unique_ptr<Head> head)
    : config_(resolved(config)),
      head_(std::move(head)),
      backbone_(make_backbone(config_, *head_)),
      parameters(*this) {
  const int depth = static_cast<int>(plan_model(config_, *head_).blocks()) + 1;
  for_each_parameter(*head_, [depth](Parameter& parameter) {
    parameter.depth = depth;
    parameter.in_head = true;
  });
}

std::vector<Var> Model::forward(Tape& tape, const Var& images, ModelTrace* trace) {
  if (images.shape().rank() != 4 || images.dim(3) != config_.in_channels) {
    fail<ShapeError>("[model] images are {}, the model takes [B, H, W, {}]", images.shape(),
                     config_.in_channels);
  }
  if (trace != nullptr) *trace = {};
  const std::vector<StageMap> maps = backbone_->forward(tape, images, trace);
  const Scope scope(tape, "head");
  return head_->forward(tape, maps, {images.dim(1), images.dim(2)});
}

void Model::draw_patch(std::uint64_t seed, std::uint64_t step) {
  constexpr std::uint32_t kPatchDraw = 0xfffcu;  // beside those of dropout
  backbone_->patch_embed().draw_size(Rng(seed, Stream::kDropout, step, 0, kPatchDraw));
}

void Model::rest_patch() { backbone_->patch_embed().draw_size(std::nullopt); }

void Model::require_configured_size(const Shape& images) const {
  const auto [height, width] = config_.image_size;
  if (images == Shape{images.rank() > 0 ? images[0] : 0, height, width, config_.in_channels})
    return;
  fail<ShapeError>("[model] images are {}, the model takes [B, {}, {}, {}]", images, height, width,
                   config_.in_channels);
}

void Model::visit(ParameterVisitor& visitor) {
  backbone_->visit(visitor);
  visitor("head", head_);
}

}  // namespace tessera
