// In what geometry the weights of a file were trained.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "formats/weights/translate.h"
#include "layers/model_config.h"

namespace tessera {

/// The side of a square of `count` cells; nullopt if there is none.
std::optional<std::int64_t> square_side(std::int64_t count);

/// What a file tells of it; the rest has to be taken for square.
struct SourceGeometry {
  /// From the configuration that Tessera's files carry.
  std::optional<ModelConfig> model{};

  /// In tokens, by attention module (`stages.0.blocks.1.attn`), from the buffers
  /// `relative_position_index` that torchvision's and the official files carry.
  std::map<std::string, Size2> windows{};

  /// Of an attention module whose relative position bias table has `rows` rows; nullopt if no
  /// window is known and no square one has so many.
  std::optional<Size2> window(const std::string& module, std::int64_t rows) const;

  /// Of the patch embedding, with `tokens` in all; nullopt as above.
  std::optional<Size2> map(std::int64_t tokens) const;
};

/// The window of an attention module of the model of `config`; nullopt if it has none of that name.
std::optional<Size2> attention_window(const ModelConfig& config, const std::string& module);

/// `translation` is that of `file`, `model` what its own configuration says, if it carries one.
SourceGeometry source_geometry(const TensorFile& file, const Translation& translation,
                               const std::optional<ModelConfig>& model);

}  // namespace tessera
