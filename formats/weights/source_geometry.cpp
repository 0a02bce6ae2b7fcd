#include "formats/weights/source_geometry.h"

#include <cmath>

#include "core/error.h"
#include "formats/weights/buffers.h"
#include "layers/stage_plan.h"

namespace tessera {
namespace {

constexpr std::string_view kIndex = ".relative_position_index";

bool has_offsets(Size2 window, std::int64_t rows) {
  return (2 * window[0] - 1) * (2 * window[1] - 1) == rows;
}

/// The window of N tokens whose table rows for each pair of tokens are `index`, of N^2 elements:
/// the rows of the first token count down along a line of the window, then jump.
std::optional<Size2> window_of(const StoredTensor& index, std::string_view file) {
  std::int64_t pairs = 1;
  for (const std::int64_t side : index.shape) pairs *= side;
  const auto tokens = square_side(pairs);
  if (!tokens) return std::nullopt;
  const Tensor rows = to_i32(index, file);
  const std::int32_t* const row = rows.data<std::int32_t>();
  std::int64_t width = 1;
  while (width < *tokens && row[width] == row[0] - width) ++width;
  return *tokens % width == 0 ? std::optional(Size2{*tokens / width, width}) : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> square_side(std::int64_t count) {
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(count))));
  return side >= 1 && side * side == count ? std::optional(side) : std::nullopt;
}

std::optional<Size2> attention_window(const ModelConfig& config, const std::string& module) {
  for (const AttentionGeometry& geometry : geometry_of(config)) {
    if (geometry.name == module) return geometry.window;
  }
  return std::nullopt;
}

std::optional<Size2> SourceGeometry::window(const std::string& module, std::int64_t rows) const {
  if (model) {
    const auto own = attention_window(*model, module);
    if (own && has_offsets(*own, rows)) return own;
  }
  if (const auto found = windows.find(module);
      found != windows.end() && has_offsets(found->second, rows)) {
    return found->second;
  }
  const auto side = square_side(rows);
  if (!side || *side % 2 == 0) return std::nullopt;
  return Size2{(*side + 1) / 2, (*side + 1) / 2};
}

std::optional<Size2> SourceGeometry::map(std::int64_t tokens) const {
  if (model) {
    const Size2 size = plan_model(finest(*model)).embed.map;
    if (size[0] * size[1] == tokens) return size;
  }
  const auto side = square_side(tokens);
  return side ? std::optional(Size2{*side, *side}) : std::nullopt;
}

SourceGeometry source_geometry(const TensorFile& file, const Translation& translation,
                               const std::optional<ModelConfig>& model) {
  SourceGeometry source{.model = model};
  for (const auto& [tensor, stored_name] : translation.buffers) {
    if (!tensor.name.ends_with(kIndex)) continue;
    if (const auto window = window_of(tensor, file.path)) {
      source.windows.emplace(tensor.name.substr(0, tensor.name.size() - kIndex.size()), *window);
    }
  }
  return source;
}

}  // namespace tessera
