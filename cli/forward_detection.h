// What `forward` says of a detector, under torchvision's names.
#pragma once

#include <span>
#include <vector>

#include "core/tape.h"
#include "core/tensor.h"
#include "formats/stored_tensor.h"
#include "layers/model_config.h"

namespace tessera {

/// With L places in all, levels joined fine to coarse: `cls_logits` [B, L, K], `bbox_regression`
/// [B, L, 4] in strides, `bbox_ctrness` [B, L, 1]; `anchors` [L, 4], squares of a stride around the
/// places. Of retinanet L anchors, their offsets, and no `bbox_ctrness`. `det/<i>/boxes` [n, 4],
/// `det/<i>/scores` and `det/<i>/labels` [n] of each image.
std::vector<NamedTensor> detection_results(const ModelConfig& model, std::span<const Var> outputs,
                                           Size2 image);

/// The loss against `target/<i>/boxes` [n, 4] and `target/<i>/labels` [n] of `file`; adds its parts
/// `loss/classification`, `loss/bbox_regression`, `loss/bbox_ctrness`, and `matched/<i>` [L], the
/// box that a place should find or -1, of retinanet also -2: left out. Throws DataError for what is
/// no box or no class.
Var detection_loss(Tape& tape, const ModelConfig& model, std::span<const Var> outputs, Size2 image,
                   const TensorFile& file, std::vector<NamedTensor>& results);

}  // namespace tessera
