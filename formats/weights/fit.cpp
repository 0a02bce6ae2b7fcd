#include "formats/weights/fit.h"

#include <cstring>

#include "core/ops/resize.h"
#include "formats/weights/buffers.h"
#include "formats/weights/resize.h"
#include "layers/patch/make_patch_layers.h"
#include "layers/patch/shifted_patches.h"
#include "layers/stage_plan.h"

namespace tessera {
namespace {

/// Rows of `values` [rows, C], a map of size `from`, for a map of size `to`.
FittedTensor fit_map(const Tensor& values, Size2 from, Size2 to, const char* unit,
                     ops::ResizeMode mode = ops::ResizeMode::kBicubic) {
  Tape tape({.training = false});
  const Var map = tape.constant(values.reshape({1, from[0], from[1], values.dim(1)}));
  return {ops::resize(tape, map, to, mode).value,
          fmt::format("resized bicubically from {} to {} {}", by(from), by(to), unit)};
}

Size2 offsets_of(Size2 window) { return {2 * window[0] - 1, 2 * window[1] - 1}; }

std::optional<FittedTensor> fit_bias_table(std::string_view name, const Tensor& values,
                                           const Shape& shape, const ModelConfig& config,
                                           const SourceGeometry& source) {
  const std::string module(name.substr(0, name.size() - kBiasTable.size()));
  const auto window = attention_window(config, module);
  if (!window || values.rank() != 2 || shape.rank() != 2 || values.dim(1) != shape[1]) {
    return std::nullopt;
  }
  const auto from = source.window(module, values.dim(0));
  const Size2 to = offsets_of(*window);
  if (!from || to[0] * to[1] != shape[0]) return std::nullopt;
  FittedTensor fitted = fit_map(values, offsets_of(*from), to, "offsets");
  fitted.values = fitted.values.reshape(shape);
  return fitted;
}

/// Tokens in front of the map, such as the class token, keep their own vectors. Smoothed where the
/// map shrinks, as timm's resample_abs_pos_embed: each new token is a mean over those it replaces.
std::optional<FittedTensor> fit_positions(const Tensor& values, const Shape& shape,
                                          const ModelConfig& config, const SourceGeometry& source) {
  if (values.rank() != 3 || shape.rank() != 3 || values.dim(0) != 1 || shape[0] != 1 ||
      values.dim(2) != shape[2]) {
    return std::nullopt;
  }
  const Size2 to = plan_model(finest(config)).embed.map;
  const std::int64_t extra = shape[1] - to[0] * to[1];
  const std::int64_t rows = values.dim(1) - extra, channels = shape[2];
  if (extra < 0 || rows < 1) return std::nullopt;
  const auto from = source.map(rows);
  if (!from) return std::nullopt;
  FittedTensor fitted = fit_map(values.slice(extra * channels, {rows, channels}), *from, to,
                                "tokens", ops::ResizeMode::kBicubicSmooth);
  Tensor all = Tensor::empty(shape);
  std::memcpy(all.f32(), values.f32(), static_cast<std::size_t>(extra * channels) * sizeof(float));
  std::memcpy(all.f32() + extra * channels, fitted.values.f32(), fitted.values.bytes());
  fitted.values = all;
  return fitted;
}

std::optional<FittedTensor> fit_patch_kernel(const Tensor& values, const Shape& shape,
                                             const ModelConfig& config) {
  if (values.rank() != 4 || shape.rank() != 4 || values.dim(0) != shape[0] || values.dim(1) < 1) {
    return std::nullopt;
  }
  // Shifted views stand side by side in the channels: these are not those of an image.
  const bool views = config.patch_embed.type == PatchEmbedType::kShifted;
  if (views && values.dim(1) != shape[1]) return std::nullopt;
  FittedTensor fitted{values, ""};
  if (values.dim(1) != shape[1]) {
    fitted.values = change_channels(fitted.values, shape[1]);
    fitted.how = shape[1] == 1 ? fmt::format("summed over {} channels", values.dim(1))
                               : fmt::format("repeated and scaled from {} to {} channels",
                                             values.dim(1), shape[1]);
  }
  if (values.dim(2) != shape[2] || values.dim(3) != shape[3]) {
    const auto resized = resize_kernels(fitted.values, {shape[2], shape[3]});
    if (!resized) return std::nullopt;
    fitted.values = *resized;
    fitted.how += fmt::format("{}resized by pseudo-inverse from {} to {} pixels",
                              fitted.how.empty() ? "" : ", ", by({values.dim(2), values.dim(3)}),
                              by({shape[2], shape[3]}));
  }
  return fitted;
}

/// A weight or bias of the norm in front of a shifted embedding, [views Ph Pw C].
std::optional<FittedTensor> fit_patch_norm(const Tensor& values, const Shape& shape,
                                           const ModelConfig& config) {
  if (config.patch_embed.type != PatchEmbedType::kShifted) return std::nullopt;
  const ShiftedViews views = patch_views(config);
  const std::int64_t planes = views.count() * views.channels;
  if (values.rank() != 1 || shape != Shape{views.depth()} || values.numel() % planes != 0) {
    return std::nullopt;
  }
  const auto side = square_side(values.numel() / planes);
  if (!side) return std::nullopt;
  Tensor all = Tensor::empty(shape);
  std::optional<FittedTensor> view;
  for (int i = 0; i < views.count(); ++i) {
    const std::int64_t before = *side * *side * views.channels;
    view = fit_map(values.slice(i * before, {*side * *side, views.channels}), {*side, *side},
                   config.patch_size, "pixels");
    std::memcpy(all.f32() + i * view->values.numel(), view->values.f32(), view->values.bytes());
  }
  return FittedTensor{all, view->how};
}

/// Whether the parameter `name` is a kernel over the image: the patch embedding knows.
bool is_patch_kernel(std::string_view name, const ModelConfig& config) {
  class Finder final : public ParameterVisitor {
   public:
    explicit Finder(std::string_view wanted) : wanted_(wanted) {}
    bool found = false;

   private:
    void on_parameter(const std::string& own, Parameter& parameter) override {
      found = found || (own == wanted_ && parameter.reads_pixels);
    }
    std::string_view wanted_;
  };
  Finder finder(name);
  const auto embed = make_patch_embed(config);
  finder("patch_embed", *embed);
  return finder.found;
}

}  // namespace

std::optional<FittedTensor> fit_tensor(std::string_view name, const Tensor& values,
                                       const Shape& shape, const ModelConfig& config,
                                       const SourceGeometry& source) {
  if (values.numel() == 0) return std::nullopt;
  if (name.ends_with(kBiasTable)) return fit_bias_table(name, values, shape, config, source);
  if (name == "absolute_pos_embed" || name == "pos_embed") {
    return fit_positions(values, shape, config, source);
  }
  if (is_patch_kernel(name, config)) return fit_patch_kernel(values, shape, config);
  if (name.starts_with("patch_embed.norm.")) return fit_patch_norm(values, shape, config);
  return std::nullopt;
}

}  // namespace tessera
