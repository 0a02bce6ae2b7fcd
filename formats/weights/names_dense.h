// Names of the heads of semantic segmentation, and what their norms count.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "formats/stored_tensor.h"
#include "formats/weights/name_rows.h"

namespace tessera {

/// The heads that mmsegmentation, the official segmentation repository and Hugging Face's UPerNet
/// have too: beside the backbone's tensors, `decode_head.` and `auxiliary_head.`.
std::span<const NameRow> segmentation_head_rows();

/// The counters of batches seen, I64 of rank 0, that PyTorch keeps beside running statistics:
/// zeros, under Tessera's names, for those of `tensors` that have none. Nobody reads them where the
/// statistics move by a fixed share.
std::vector<StoredTensor> missing_counters(std::span<const StoredTensor> tensors);

/// Whether a tensor is such a counter and 0, so that missing_counters makes it again.
bool is_zero_counter(const StoredTensor& tensor);

/// Whether a name is that of such a counter.
bool is_batch_counter(std::string_view name);

}  // namespace tessera
