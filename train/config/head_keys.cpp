#include "train/config/head_keys.h"

namespace tessera {
namespace {

void add_dense(HeadConfig& head, std::vector<Key>& keys) {
  const Range width = between(1, 65536);
  AuxiliaryConfig& auxiliary = head.auxiliary;
  keys.insert(
      keys.end(),
      {stages_key("model.head.pool_scales", head.pool_scales, between(1, 64),
                  "upernet: sides of the grids that the last map is pooled into"),
       choice_key("model.head.join", head.join,
                  {{"concat", LevelJoin::kConcat}, {"sum", LevelJoin::kSum}},
                  "fpn: stages side by side and mixed by a 1x1 convolution, or their sum"),
       choice_key("model.head.norm", head.norm,
                  {{"group", HeadNorm::kGroup},
                   {"batch", HeadNorm::kBatch},
                   {"frozen_batch", HeadNorm::kFrozenBatch},
                   {"layer", HeadNorm::kLayer}},
                  "upernet, fpn, fcn: behind each convolution; group: of at most 32 groups, right "
                  "for small batches; batch: published weights have it; frozen_batch: its running "
                  "statistics are used in training too and stay; layer: over the channels"),
       number_key("model.head.dropout", head.dropout, below_one(),
                  "upernet, fpn, fcn: of whole channels before the classifier"),
       number_key("model.head.auxiliary.weight", auxiliary.weight, at_least(0),
                  "of its loss beside that of the head"),
       integer_key("model.head.auxiliary.stage", auxiliary.stage, between(0, 7),
                   "whose map it reads, from 0; auto: the last but one", kAutoStage),
       integer_key("model.head.auxiliary.channels", auxiliary.channels, width,
                   "of its convolutions"),
       integer_key("model.head.auxiliary.convs", auxiliary.convs, between(0, 64),
                   "3x3 convolutions before its classifier")});
}

}  // namespace

void add_head_keys(HeadConfig& head, std::vector<Key>& keys) {
  keys.push_back(choice_key("model.head.type", head.type,
                            {{"linear", HeadType::kLinear},
                             {"upernet", HeadType::kUperNet},
                             {"fpn", HeadType::kFpn},
                             {"fcn", HeadType::kFcn}},
                            "linear: one class an image; the others a class for each position: "
                            "upernet, arXiv:1807.10221; fpn: all stages projected, enlarged and "
                            "joined; fcn: the last stage alone"));
  keys.push_back(integer_key("model.head.channels", head.channels, between(1, 65536),
                             "upernet, fpn, fcn: of the convolutions"));
  keys.push_back(integer_key("model.head.convs", head.convs, between(0, 100),
                             "fcn: 3x3 convolutions before the classifier; auto: 1", kAutoConvs));
  add_dense(head, keys);
}

}  // namespace tessera
