// Tensors joined, split and put in another order, in whatever element type they are stored.
#pragma once

#include <array>
#include <optional>

#include "core/tensor.h"
#include "formats/stored_tensor.h"
#include "formats/weights/naming.h"

namespace tessera {

/// Query, key and value [C, ...] each -> [3C, ...]; zeros in the place of a key that is nullptr.
/// nullopt unless all have one shape, of at least one axis, and one type.
std::optional<StoredTensor> join_parts(const StoredTensor& query, const StoredTensor* key,
                                       const StoredTensor& value);

/// A third of [3C, ...], without a copy. Throws CheckpointError for a first axis that has none.
StoredTensor part_of(const StoredTensor& whole, Part part);
Tensor part_of(const Tensor& whole, Part part);

/// The same tensor with zeros in the key's third; [3C, ...].
StoredTensor without_key(const StoredTensor& whole);

/// The order of the four tokens that a merge joins. Here: token by token, (0,0), (1,0), (0,1),
/// (1,1) as (row, column). Unfolded: channel by channel, each (0,0), (0,1), (1,0), (1,1).
/// Columns of [..., 4C] from one to the other; nullopt for a last axis that is no multiple of 4.
std::optional<StoredTensor> unfold_merge(const StoredTensor& folded);
std::optional<StoredTensor> fold_merge(const StoredTensor& unfolded);

/// A tensor of the elements of `stored`, whose type and rank a Tensor has; copies them.
Tensor tensor_of(const StoredTensor& stored, DType dtype);

}  // namespace tessera
