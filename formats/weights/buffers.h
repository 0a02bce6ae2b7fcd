// Tensors that other frameworks store beside the parameters although the geometry determines them:
// their strict loaders insist on them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/stored_tensor.h"
#include "formats/weights/naming.h"
#include "layers/model_config.h"

namespace tessera {

/// How the name of a relative position bias table ends.
inline constexpr std::string_view kBiasTable = ".relative_position_bias_table";

/// What the buffers of one attention module depend on.
struct AttentionGeometry {
  std::string name;             ///< `stages.0.blocks.1.attn`
  Size2 window{};               ///< tokens
  Size2 shift{};                ///< tokens
  Size2 map{};                  ///< tokens, padded to whole windows; 0 if not known
  bool continuous = false;      ///< has a table of coordinates, as in Swin v2
  std::int64_t pretrained = 0;  ///< window that normalises the coordinates; 0: `window`
};

/// Of all attention modules of a Swin Transformer; none for a plain ViT.
std::vector<AttentionGeometry> geometry_of(const ModelConfig& config);

/// Of those attention modules whose square window shows in the size of their relative position
/// bias table; maps and shifts stay unknown. Names are Tessera's.
std::vector<AttentionGeometry> geometry_of(std::span<const StoredTensor> tensors);

/// The buffers that files of `naming` carry, under its names. With N tokens a window and W windows
/// a map: `relative_position_index` I64 [N, N] (torchvision: [N N]); `attn_mask` F32 [W, N, N] of
/// shifted blocks, 0 or -100 (official only); `relative_coords_table` F32 [1, 2h-1, 2w-1, 2] of
/// Swin v2. Tessera, timm and Hugging Face carry none. With `norm_each` the names are those of a
/// model of dense prediction, see NameScheme; the official ones carry no masks.
std::vector<StoredTensor> make_buffers(std::span<const AttentionGeometry> modules, Naming naming,
                                       bool norm_each = false);

}  // namespace tessera
