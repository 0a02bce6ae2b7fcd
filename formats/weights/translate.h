// From the tensors of any framework's file to those of Tessera's models, and back: names, and the
// parts that others store in another way.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors.h"
#include "formats/stored_tensor.h"
#include "formats/weights/naming.h"

namespace tessera {

/// What a file holds under Tessera's names.
struct Translation {
  struct Entry {
    StoredTensor tensor;      ///< under Tessera's name
    std::string stored_name;  ///< the file's, with its prefix
  };
  Naming naming = Naming::kTessera;
  std::string prefix;               ///< what stands before the file's names: `model.`
  std::vector<Entry> parameters;    ///< in the order of the file
  std::vector<Entry> buffers;       ///< see is_buffer
  std::vector<StoredTensor> other;  ///< after the prefix, but of no known name or of a taken one
};

/// The naming is what the file's metadata `naming` says, or else recognised from the names. Names
/// stand after `prefix`; nullopt: after none or any of the usual wrappers (`param/`, `model.`,
/// `state_dict.`, `module.`, averaged weights `state_dict_ema.` and `model_ema.` first), alone or
/// one in the other. Swin v2's biases `q_bias` and `v_bias` become `qkv.bias` with a zero k third;
/// torchvision's k third, which it never uses, becomes zero. Throws CheckpointError if the names
/// are not those of a known model.
Translation translate(const TensorFile& file,
                      const std::optional<std::string>& prefix = std::nullopt);

/// Tensors under Tessera's names, all of a model, under those of another framework, each after
/// `prefix`; nothing is copied. Throws CheckpointError for a part of the model that `naming` has no
/// name for.
std::vector<NamedTensor> rename_tensors(std::span<const NamedTensor> tensors, Naming naming,
                                        std::string_view prefix = "");
std::vector<StoredTensor> rename_tensors(std::span<const StoredTensor> tensors, Naming naming);

}  // namespace tessera
