#include "train/config/task_keys.h"

#include <utility>

namespace tessera {
namespace {

/// `none`, `balanced` or a number for each class.
Key class_weights_key(std::string path, SegmentationConfig& config, std::string help) {
  Key key = numbers_key(std::move(path), config.weights, at_least(0), std::move(help));
  key.type = "none, balanced or a list of numbers";
  key.read = [read_list = key.read, type = key.type, path = key.path, &config](const YamlNode& node,
                                                                               Problems& problems) {
    if (node.is_plain("none") || node.is_plain("balanced")) {
      config.balance = node.text == "none" ? ClassWeights::kNone : ClassWeights::kBalanced;
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
    if (config.balance == ClassWeights::kNone) return "none";
    return config.balance == ClassWeights::kBalanced ? "balanced" : write_list();
  };
  return key;
}

}  // namespace

void add_task_keys(Config& config, std::vector<Key>& keys) {
  TaskConfig& task = config.task;
  keys.insert(
      keys.end(),
      {choice_key(
           "task.name", task.name,
           {{"classification", TaskName::kClassification},
            {"segmentation", TaskName::kSegmentation},
            {"detection", TaskName::kDetection}},
           "what is learned of an image: its class, a class for each pixel, or boxes; if not "
           "given, what model.head.type puts out"),
       integer_key("task.ignore_index", config.data.ignored_value, between(0, 255),
                   "segmentation: the value in masks of pixels that are neither taught nor scored"),
       class_weights_key("task.class_weights", task.segmentation,
                         "segmentation: how much a class counts in the loss; balanced: the less, "
                         "the more pixels of training have it, at most ten times; or a number for "
                         "each class")});
}

}  // namespace tessera
