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

void add_detector(DetectorConfig& detector, std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {stages_key(
           "model.head.levels", detector.levels, between(1, 16384),
           "fcos, retinanet: strides in pixels, each twice the one before, the first that of "
           "a stage; auto: all stages but the first, and two more",
           true),
       integer_key("model.head.extra_levels", detector.extra_levels, between(0, 7),
                   "fcos, retinanet: how many of these are convolutions behind the stages; auto: "
                   "those that no stage gives",
                   kAutoLevels),
       choice_key(
           "model.head.extra_from", detector.extra_from,
           {{"auto", ExtraFrom::kAuto}, {"level", ExtraFrom::kLevel}, {"stage", ExtraFrom::kStage}},
           "fcos, retinanet: what the first of those reads: the level before or the map of "
           "the last stage; auto: level of fcos, stage of retinanet, as the papers"),
       number_key(
           "model.head.location", detector.location, between(0, 1),
           "fcos, retinanet: where in its cell a place lies, in strides; 0.5: the middle; 0: "
           "the corner; auto: 0.5 of fcos, as the papers, mmdetection and detectron2 have it "
           "(torchvision 0), and 0 of retinanet, as all three",
           kAutoLocation),
       choice_key(
           "model.head.rules", detector.rules,
           {{"auto", PlaceRules::kAuto},
            {"plain", PlaceRules::kPlain},
            {"torchvision", PlaceRules::kTorchvision}},
           "fcos, retinanet: plain: places are a stride apart, a range holds its lower bound, "
           "the smallest box wins, anchors are as large as they are; torchvision: places are "
           "floor(image / map) apart, ranges hold neither bound, areas are compared in steps "
           "of 8 pixels, corners of anchors are rounded; auto: torchvision where location is "
           "0"),
       number_key("model.head.score_threshold", detector.score_threshold, below_one(),
                  "fcos, retinanet: detections score more; for figures 0.05 or less, for pictures "
                  "0.3"),
       number_key("model.head.nms", detector.nms, between(0, 1),
                  "fcos, retinanet: overlap with a better box of its class above which one is left "
                  "out"),
       integer_key("model.head.keep", detector.keep, between(1, 100000),
                   "fcos, retinanet: most detections of an image"),
       integer_key("model.head.before_nms", detector.before_nms, between(1, 1000000),
                   "fcos, retinanet: most candidates of a level")});
}

void add_fcos(DetectorConfig& fcos, std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {integer_key("model.head.groups", fcos.groups, between(1, 65536),
                   "fcos: of the group norm behind each convolution; must divide channels"),
       flag_key(
           "model.head.level_scales", fcos.level_scales,
           "fcos: a learned factor for the boxes of each level; torchvision's files have none, "
           "which is 1"),
       number_key("model.head.radius", fcos.radius, above(0),
                  "fcos: strides from the middle of a box within which places learn to find it"),
       numbers_key(
           "model.head.ranges", fcos.ranges, above(0),
           "fcos: bounds between the levels, pixels from a place to the farthest side of its "
           "box; auto: 8 strides",
           true),
       choice_key(
           "model.head.box_weight", fcos.box_weight,
           {{"equal", FcosBoxWeight::kEqual}, {"centreness", FcosBoxWeight::kCentreness}},
           "fcos: what a place counts in the loss of boxes, whose sum these divide: 1, as in "
           "torchvision, or its centre-ness, as in mmdetection"),
       choice_key("model.head.score", fcos.score,
                  {{"sqrt", FcosScore::kRoot}, {"product", FcosScore::kProduct}},
                  "fcos: of a detection, by its class and centre-ness: the product is that of the "
                  "papers, its root that of torchvision and detectron2; they order boxes alike")});
}

void add_retinanet(DetectorConfig& retinanet, std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {integers_key(
           "model.head.anchors", retinanet.anchors, between(1, 16384),
           "retinanet: sides of the anchors in pixels, level by level, as many each; auto: "
           "4 strides times 1, 2^(1/3) and 2^(2/3), rounded down",
           true),
       numbers_key("model.head.ratios", retinanet.ratios, above(0),
                   "retinanet: height by width of the anchors, each with every side"),
       number_key(
           "model.head.positive", retinanet.positive, between(0, 1),
           "retinanet: overlap with a box from which on an anchor learns to find it; the best "
           "ones of each box do anyway"),
       number_key("model.head.negative", retinanet.negative, between(0, 1),
                  "retinanet: overlap below which an anchor learns to find nothing; those between "
                  "the two are left out")});
}

}  // namespace

void add_head_keys(HeadConfig& head, std::vector<Key>& keys) {
  keys.push_back(choice_key(
      "model.head.type", head.type,
      {{"linear", HeadType::kLinear},
       {"upernet", HeadType::kUperNet},
       {"fpn", HeadType::kFpn},
       {"fcn", HeadType::kFcn},
       {"fcos", HeadType::kFcos},
       {"retinanet", HeadType::kRetinaNet},
       {"pixels", HeadType::kPixels}},
      "linear: one class an image; fcos: boxes, arXiv:1904.01355; retinanet: boxes by anchors, "
      "arXiv:1708.02002; pixels: those that task simmim hides; the others a class "
      "for each position: upernet, arXiv:1807.10221; fpn: all stages projected, enlarged and "
      "joined; fcn: the last stage alone"));
  keys.push_back(integer_key(
      "model.head.channels", head.channels, between(1, 65536),
      "upernet, fpn, fcn: of the convolutions; fcos, retinanet: of pyramid and towers"));
  keys.push_back(integer_key(
      "model.head.convs", head.convs, between(0, 100),
      "3x3 convolutions; fcn: before the classifier, auto: 1; fcos, retinanet: of each of "
      "the two towers, auto: 4",
      kAutoConvs));
  add_dense(head, keys);
  add_detector(head.detector, keys);
  add_fcos(head.detector, keys);
  add_retinanet(head.detector, keys);
}

}  // namespace tessera
