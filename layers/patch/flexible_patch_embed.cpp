#include "layers/patch/flexible_patch_embed.h"

#include <fmt/ranges.h>

namespace tessera {

std::vector<ConfigProblem> FlexiblePatchEmbed::problems(const ModelConfig& config) {
  if (config.patch_embed.type != PatchEmbedType::kLinear) {
    return {{{"model.patch_sizes", "model.patch_embed.type"},
             "patch_sizes: only the kernel of patch_embed.type linear is resized"}};
  }
  if (is_filling(config.head.type) || is_detecting(config.head.type)) {
    return {
        {{"model.patch_sizes", "model.head.type"},
         "patch_sizes: what this head puts out belongs to one patch_size; leave patch_sizes out"}};
  }
  if (config.pool == Pooling::kToken && config.position.absolute) {
    return {{{"model.patch_sizes", "model.pool"},
             "patch_sizes: learned positions beside a class token are not resized; use pool mean "
             "or position sincos",
             {"model.position"}}};
  }
  const std::int64_t from = largest_patch(config);
  std::vector<std::int64_t> sides = config.patch_sizes;
  sides.insert(sides.end(), config.patch_size.begin(), config.patch_size.end());
  for (const std::int64_t to : sides) {
    if (ops::kernel_matrix(from, to)) continue;
    return {{{"model.patch_sizes", "model.patch_size"},
             fmt::format("patch_sizes [{}]: a kernel of {} pixels cannot be resized to {}",
                         fmt::join(config.patch_sizes, ", "), from, to)}};
  }
  return {};
}

FlexiblePatchEmbed::FlexiblePatchEmbed(const ModelConfig& config)
    : configured_(config.patch_size),
      sizes_(config.patch_sizes),
      edge_(config.patch_embed.edge == PatchEdge::kPad ? EdgeRule::kCover : EdgeRule::kDrop),
      size_(config.patch_size),
      proj_(config.in_channels, config.embed_dim, {largest_patch(config), largest_patch(config)}) {
  proj_.weight().reads_pixels = true;
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, patch_norm_epsilon(config));
  const std::int64_t largest = largest_patch(config);
  std::vector<Size2> all{configured_};
  for (const std::int64_t side : sizes_) all.push_back({side, side});
  for (const Size2 size : all) {
    if (size == Size2{largest, largest}) continue;
    auto vertical = ops::kernel_matrix(largest, size[0]);
    auto horizontal = ops::kernel_matrix(largest, size[1]);
    if (vertical && horizontal) resize_.emplace(size, Matrices{*vertical, *horizontal});
  }
}

PatchEmbedPlan FlexiblePatchEmbed::plan(Size2 image) const {
  const Conv2d conv(proj_.weight().shape[1], proj_.out_channels(), configured_, rule(configured_));
  const Size2 map = conv.output(image);
  return {.map = map,
          .unused_pixels = conv.unused(image),
          .macs = conv.macs(image),
          .saved = norm_ ? map[0] * map[1] * conv.out_channels() : 0,
          .widest = conv.weight().shape.numel() / conv.out_channels()};
}

void FlexiblePatchEmbed::draw_size(std::optional<Rng> rng) {
  size_ = configured_;
  if (!rng) return;
  const std::int64_t side = sizes_[rng->below(static_cast<std::uint32_t>(sizes_.size()))];
  size_ = {side, side};
}

Var FlexiblePatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  Var kernel = tape.parameter(proj_.weight());
  if (size_ != proj_.kernel()) {
    const Matrices& to = resize_.at(size_);
    kernel = ops::resize_kernel(tape, kernel, to.vertical, to.horizontal);  // [D, C, h, w]
  }
  const Var tokens = ops::conv2d(tape, images, kernel, tape.parameter(proj_.bias()),
                                 rule(size_).at({images.dim(1), images.dim(2)}, size_));
  return norm_ ? norm_->forward(tape, tokens) : tokens;  // [B, H / h, W / w, D]
}

void FlexiblePatchEmbed::visit(ParameterVisitor& visitor) {
  visitor("proj", proj_);
  if (norm_) visitor("norm", *norm_);
}

}  // namespace tessera
