#include "train/config/task_keys.h"

#include <array>
#include <utility>

namespace tessera {
namespace {

constexpr std::array<std::pair<const char*, ClassWeights>, 3> kBalances{
    {{"none", ClassWeights::kNone},
     {"balanced", ClassWeights::kBalanced},
     {"effective", ClassWeights::kEffective}}};

/// `none`, `balanced`, `effective` or a number for each class.
Key class_weights_key(std::string path, ClassWeighting& config, std::string help) {
  Key key = numbers_key(std::move(path), config.weights, at_least(0), std::move(help));
  key.type = "none, balanced, effective or a list of numbers";
  key.read = [read_list = key.read, type = key.type, path = key.path, &config](const YamlNode& node,
                                                                               Problems& problems) {
    for (const auto& [word, balance] : kBalances) {
      if (!node.is_plain(word)) continue;
      config.balance = balance;
      config.weights.clear();
      return true;
    }
    if (!node.is_list()) {
      problems.add(node.mark, path + ": expected " + type + ", got " + describe(node));
      return false;
    }
    if (!read_list(node, problems)) return false;
    config.balance = ClassWeights::kGiven;
    return true;
  };
  key.write = [write_list = key.write, &config]() -> std::string {
    for (const auto& [word, balance] : kBalances) {
      if (balance == config.balance) return word;
    }
    return write_list();
  };
  return key;
}

}  // namespace

void add_task_keys(Config& config, std::vector<Key>& keys) {
  TaskConfig& task = config.task;
  MaskingConfig& masking = config.model.head.masking;
  keys.insert(
      keys.end(),
      {choice_key(
           "task.name", task.name,
           {{"classification", TaskName::kClassification},
            {"segmentation", TaskName::kSegmentation},
            {"detection", TaskName::kDetection},
            {"simmim", TaskName::kSimmim}},
           "what is learned of an image: its class, a class for each pixel, or boxes; simmim: what "
           "was hidden of it, without any labels, arXiv:2111.09886; if not given, what "
           "model.head.type puts out"),
       integer_key("task.mask_size", masking.side, between(1, 16384),
                   "simmim: side of the squares that are hidden, pixels, a multiple of patch_size; "
                   "auto: pixels of a token of the last stage",
                   kAutoMaskSide),
       number_key("task.mask_ratio", masking.ratio, between(0, 1),
                  "simmim: share of the squares that is hidden, drawn for each image anew"),
       integer_key("task.ignore_index", config.data.ignored_value, between(0, 255),
                   "segmentation: the value in masks of pixels that are neither taught nor scored"),
       class_weights_key("task.class_weights", task.weighting,
                         "how much a class counts in the loss, of whole images and of pixels; "
                         "balanced: the less, the more of training have it, at most ten times; "
                         "effective: by the effective number of images, arXiv:1901.05555; or a "
                         "number for each class")});
}

}  // namespace tessera
