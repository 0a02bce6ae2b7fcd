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
    std::string stored_name;  ///< the file's, with its prefix; of parts that of the first
  };
  NameScheme scheme;
  std::string prefix;               ///< what stands before the names of the backbone: `model.`
  std::vector<Entry> parameters;    ///< in the order of the file
  std::vector<Entry> buffers;       ///< see is_buffer
  std::vector<StoredTensor> other;  ///< after the prefix, but of no known name or of a taken one
  std::vector<std::string> beside;  ///< names that no model reads, or beside the backbone's and of
                                    ///< no known head
};

/// The naming is what the file's metadata `naming` says, or else recognised from the names, which
/// stand after `prefix` or, with nullopt, anywhere (see recognise_names). Query, key and value
/// become `qkv`, with zeros for a key's bias that a naming does not have or, torchvision's in Swin
/// v2, never uses; the merges of OpenMMLab take Tessera's order. Counters, single integers, are
/// passed over. Throws CheckpointError if the names are not those of a known model.
Translation translate(const TensorFile& file,
                      const std::optional<std::string>& prefix = std::nullopt);

/// Tensors under Tessera's names, all of a model, under those of another framework, each after
/// `prefix`; copies only what stands in another order. Throws CheckpointError for a part of the
/// model that `naming` has no name for.
std::vector<NamedTensor> rename_tensors(std::span<const NamedTensor> tensors, Naming naming,
                                        std::string_view prefix = "");
std::vector<StoredTensor> rename_tensors(std::span<const StoredTensor> tensors, Naming naming);

}  // namespace tessera
