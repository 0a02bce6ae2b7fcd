// Putting the weights of a file into a model, whatever framework named them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/parameter.h"
#include "train/weights/naming.h"
#include "train/weights/safetensors.h"
#include "train/weights/safetensors_writer.h"

namespace tessera {

struct LoadOptions {
  /// What stands before the names in the file, such as `param/`; other tensors are not looked at.
  /// nullopt: none, or one of the usual wrappers (`param/`, `model.`, `module.`, `state_dict.`).
  std::optional<std::string> prefix = std::nullopt;
  /// False: parameters that are missing or of another shape keep their value.
  bool strict = true;
};

struct LoadReport {
  enum class Status : std::uint8_t { kLoaded, kMissing, kUnexpected, kShapeMismatch };
  struct Line {
    Status status;
    std::string name;        ///< Tessera's; the file's for kUnexpected
    std::string file_shape;  ///< `[10, 32]`; empty for kMissing
    std::string shape;       ///< the model's; empty for kUnexpected
  };

  Naming naming = Naming::kTessera;
  std::string prefix;
  std::vector<Line> lines;  ///< parameters in the model's order, then what is unexpected

  std::size_t count(Status status) const;

  /// `head.weight: file [10, 32], model [4, 32]`
  static std::string to_string(const Line& line);
};

/// Copies weights into `parameters`, which carry Tessera's names; F16, BF16 and F64 become f32, and
/// buffers in the file are skipped. The naming is what the file's metadata `naming` says, or else
/// recognised from the names. Throws CheckpointError if the naming is not recognised, if
/// nothing fits, or, when strict, for any line that is not kLoaded; then nothing was copied.
LoadReport load_weights(const TensorFile& file, std::span<const NamedTensor> parameters,
                        const LoadOptions& options = {});

/// Copies tensors of the same names, shapes and dtypes, as a checkpoint's state. Throws
/// CheckpointError for a missing tensor or another shape or dtype; then nothing was copied.
void restore_tensors(const TensorFile& file, std::span<const NamedTensor> tensors);

/// Handles on the values or gradients of a model under Tessera's names.
std::vector<NamedTensor> named_values(const ParameterStore& store);
std::vector<NamedTensor> named_gradients(const ParameterStore& store);

/// The same tensors under the names of another framework, each after `prefix`. Throws
/// CheckpointError for a part of the model that `naming` has no name for.
std::vector<NamedTensor> rename_tensors(std::span<const NamedTensor> tensors, Naming naming,
                                        std::string_view prefix = "");

}  // namespace tessera
