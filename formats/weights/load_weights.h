// Putting the weights of a file into a model, whatever framework named them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/parameter.h"
#include "formats/weights/translate.h"
#include "layers/model_config.h"

namespace tessera {

struct LoadOptions {
  /// What stands before the names in the file, such as `param/`; other tensors are not looked at.
  /// nullopt: as translate finds it.
  std::optional<std::string> prefix = std::nullopt;

  /// Patterns, `head.*`, of Tessera's names that need not agree: such parameters keep their value
  /// where the file has none that fits, such tensors of the file are left out where the model has
  /// none. `*` stands for any characters, `?` for one.
  std::vector<std::string> allow_missing{};

  /// What starts anew in a model of another task on the same backbone; that of the file is left
  /// out.
  enum class Anew : std::uint8_t { kNothing, kHead, kHeadAndNorms };
  Anew anew = Anew::kNothing;

  /// The model's geometry, if weights of another are to be fitted to it (see fit_tensor).
  const ModelConfig* fit = nullptr;

  /// The geometry the weights were trained in, where the file's own configuration tells it.
  std::optional<ModelConfig> source = std::nullopt;
};

struct LoadReport {
  enum class Status : std::uint8_t { kLoaded, kFitted, kMissing, kUnexpected, kShapeMismatch };
  struct Line {
    Status status;
    std::string name;        ///< Tessera's; the file's for kUnexpected
    std::string file_shape;  ///< `[10, 32]`; empty for kMissing
    std::string shape;       ///< the model's; empty for kUnexpected
    std::string how{};       ///< what was done; for kFitted only
    bool allowed = false;    ///< need not agree
    bool apart = false;      ///< starts anew, see LoadOptions::anew
  };

  Naming naming = Naming::kTessera;
  std::string prefix;
  std::vector<std::string> beside{};  ///< names beside the model's, which were not looked at
  std::vector<Line> lines;            ///< parameters in the model's order, then what is unexpected

  std::size_t count(Status status) const;

  /// `head.weight: file [10, 32], model [4, 32]`
  static std::string to_string(const Line& line);

  /// A line for every parameter that was not simply copied, one for all that are apart, and one
  /// with the number of those that were: `172 of 174 parameters loaded (timm names)`.
  std::vector<std::string> summary() const;
};

/// Copies weights into `parameters`, which carry Tessera's names; F16, BF16 and F64 become f32, and
/// buffers in the file are skipped. Throws CheckpointError if the names are not those of a known
/// model, if nothing fits, or for any line that is neither loaded nor fitted nor allowed; then
/// nothing was copied.
LoadReport load_weights(const TensorFile& file, std::span<const NamedTensor> parameters,
                        const LoadOptions& options = {});

/// Copies tensors of the same names, shapes and dtypes, as a checkpoint's state. Throws
/// CheckpointError for a missing tensor or another shape or dtype; then nothing was copied.
void restore_tensors(const TensorFile& file, std::span<const NamedTensor> tensors);

/// Handles on the values (parameters, then buffers of layers) or gradients of a model under
/// Tessera's names.
std::vector<NamedTensor> named_values(const ParameterStore& store);
std::vector<NamedTensor> named_gradients(const ParameterStore& store);

}  // namespace tessera
