#include "formats/weights/detector_names.h"

namespace tessera {
namespace {

// Older files have no `.0` behind a convolution's number.
constexpr NameRow kDetectorRows[] = {
    {{"head.pyramid.laterals.{B}.*", "backbone.fpn.inner_blocks.{B}.0.*"}},
    {{"head.pyramid.smooths.{B}.*", "backbone.fpn.layer_blocks.{B}.0.*"}},
    {{"head.pyramid.laterals.{B}.*", "backbone.fpn.inner_blocks.{B}.*"}},
    {{"head.pyramid.smooths.{B}.*", "backbone.fpn.layer_blocks.{B}.*"}},
    {{"head.pyramid.extras.{B}.*", "backbone.fpn.extra_blocks.p{B+6}.*"}},
    {{"head.class_tower.{B}.conv.*", "head.classification_head.conv.{3B}.*"}},
    {{"head.class_tower.{B}.norm.*", "head.classification_head.conv.{3B+1}.*"}},
    {{"head.box_tower.{B}.conv.*", "head.regression_head.conv.{3B}.*"}},
    {{"head.box_tower.{B}.norm.*", "head.regression_head.conv.{3B+1}.*"}},
    {{"head.class_tower.{B}.*", "head.classification_head.conv.{B}.0.*"}},  // of RetinaNet
    {{"head.box_tower.{B}.*", "head.regression_head.conv.{B}.0.*"}},
    {{"head.logits.*", "head.classification_head.cls_logits.*"}},
    {{"head.distances.*", "head.regression_head.bbox_reg.*"}},
    {{"head.centreness.*", "head.regression_head.bbox_ctrness.*"}},
};

}  // namespace

std::span<const NameRow> detector_head_rows() { return kDetectorRows; }

bool is_one_in_torchvision(std::string_view name) { return name.starts_with("head.scales."); }

}  // namespace tessera
