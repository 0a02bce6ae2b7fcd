#include <algorithm>
#include <utility>

#include "core/machine.h"
#include "data/dataset_info.h"
#include "train/config/schema.h"

namespace tessera {
namespace {

/// One loader thread for every four cores, at least one.
int automatic_workers() { return std::max(1, available_cpus() / 4); }

/// The data set, or `none`.
Key dataset_key(Config& config) {
  std::vector<std::pair<std::string, DatasetName>> choices{{"none", config.data.name}};
  for (int i = 0; i < kDatasetNames; ++i) {
    const auto name = static_cast<DatasetName>(i);
    choices.emplace_back(dataset_info(name).name, name);
  }
  Key key = choice_key("data.name", config.data.name, choices,
                       "images and labels; none: a model alone, to inspect or to measure");
  key.read = [read = key.read, &config](const YamlNode& node, Problems& problems) {
    if (!read(node, problems)) return false;
    config.has_data = node.text != "none";
    return true;
  };
  key.write = [&config] { return config.has_data ? dataset_info(config.data).name : "none"; };
  return key;
}

void add_augment(AugmentConfig& augment, std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {integer_key("data.augment.repeats", augment.repeats, between(1, 1000),
                   "times that an epoch shows a sample, each time changed anew; it shows so many "
                   "samples fewer, arXiv:1901.09335"),
       pair_key("data.augment.crop_area", augment.crop_area,
                {.low = 0.0, .high = 1.0, .with_low = false},
                "random resized crop: share of the image's area; [1.0, 1.0]: off"),
       pair_key("data.augment.crop_aspect", augment.crop_aspect,
                {.low = 0.0, .high = 100.0, .with_low = false},
                "random resized crop: width to height"),
       integer_key("data.augment.crop_padding", augment.crop_padding, between(0, 1024),
                   "zero pixels added on every side before a random crop"),
       flag_key("data.augment.flip", augment.flip,
                "mirror an image left to right, probability 1/2"),
       pair_key("data.augment.scale", augment.scale, {.low = 0.0, .high = 100.0, .with_low = false},
                "masks and boxes: factor of the size at which an image just fits in "
                "model.image_size, drawn between the two"),
       size_key("data.augment.crop", augment.crop, between(0, 16384),
                "masks and boxes: at most so much of the scaled image, at a random place; boxes "
                "stay whose middle does; 0: all"),
       number_key("data.augment.class_share", augment.class_share,
                  {.low = 0.0, .high = 1.0, .with_low = false},
                  "masks: a crop with one class on more of its pixels is drawn again, up to ten "
                  "times; 1: never"),
       number_key("data.augment.zoom_out", augment.zoom_out, between(1, 100),
                  "masks and boxes: with probability 1/2, the image smaller on a canvas up to so "
                  "many times as large, arXiv:1512.02325; 1: off"),
       flag_key("data.augment.photometric", augment.photometric,
                "masks and boxes: brightness, contrast, saturation and hue, each with probability "
                "1/2, arXiv:1512.02325"),
       choice_key("data.augment.policy", augment.policy,
                  {{"none", AugmentPolicy::kNone},
                   {"rand_augment", AugmentPolicy::kRandAugment},
                   {"trivial_augment", AugmentPolicy::kTrivialAugment},
                   {"auto_augment_cifar", AugmentPolicy::kAutoAugmentCifar}},
                  "random changes of colour and geometry: arXiv:1909.13719 as in timm's "
                  "rand-m9-mstd0.5-inc1, arXiv:2103.10158, arXiv:1805.09501"),
       integer_key("data.augment.policy_ops", augment.policy_ops, between(1, 100),
                   "rand_augment: changes an image, each with probability 1/2"),
       number_key("data.augment.policy_magnitude", augment.policy_magnitude, between(0, 10),
                  "rand_augment: mean strength of the changes"),
       number_key("data.augment.policy_std", augment.policy_std, between(0, 100),
                  "rand_augment: standard deviation of the strength"),
       number_key("data.augment.color_jitter", augment.color_jitter, between(0, 1),
                  "brightness, contrast and saturation change by up to this share"),
       number_key("data.augment.hue_jitter", augment.hue_jitter, between(0, 0.5),
                  "hue changes by up to so many turns of the colour circle"),
       number_key("data.augment.erase", augment.erase, between(0, 1),
                  "probability of erasing a random rectangle, arXiv:1708.04896"),
       choice_key("data.augment.erase_mode", augment.erase_mode,
                  {{"constant", EraseMode::kConstant}, {"pixel", EraseMode::kPixel}},
                  "what takes its place: the mean colour, or noise"),
       number_key("data.augment.mixup", augment.mixup, between(0, 100),
                  "add images in pairs, alpha of the share's Beta distribution, arXiv:1710.09412; "
                  "0: off"),
       number_key("data.augment.cutmix", augment.cutmix, between(0, 100),
                  "exchange a box between images, alpha as for mixup, arXiv:1905.04899; 0: off"),
       number_key("data.augment.mix_probability", augment.mix_probability, between(0, 1),
                  "of mixing a batch"),
       number_key("data.augment.mix_switch", augment.mix_switch, between(0, 1),
                  "share of cutmix where mixup is on as well")});
}

}  // namespace

void add_data_keys(Config& config, std::vector<Key>& keys) {
  DataConfig& data = config.data;
  const std::string samples =
      "use only so many samples: the first, of image_folder the first of each class; 0: all";
  keys.insert(
      keys.end(),
      {dataset_key(config),
       text_key("data.root", data.root,
                "folder of the files or, where images are files, a tar archive; auto: the usual "
                "places",
                "auto"),
       texts_key("data.classes", data.classes,
                 "where images are files: names in the order of labels; auto: those of training, "
                 "of classes.txt, of the annotations",
                 true),
       text_key("data.train_list", data.train_list,
                "image_folder: CSV of paths below root and classes; none: a folder a class. "
                "image_masks: of images and masks, or names; voc: names; coco: the JSON file",
                "none"),
       text_key("data.val_list", data.val_list, "the same for testing during training", "none"),
       text_key("data.test_list", data.test_list, "the same for tessera eval", "none"),
       text_key("data.images", data.images,
                "image_masks, voc, coco: folder of images below root; auto: the usual names",
                "auto"),
       text_key("data.masks", data.masks,
                "image_masks: folder of masks below root; auto: the usual names", "auto"),
       texts_key("data.colors", data.colors,
                 "image_masks: colours of the classes in their order, [000000, 1e90ff], then those "
                 "that are ignored; auto: masks hold the numbers of classes",
                 true),
       flag_key("data.reduce_zero_label", data.reduce_zero_label,
                "image_masks: 0 is ignored and 1 is the first class"),
       number_key("data.val_split", data.val_split, below_one(),
                  "share of each class held out of training for validation; 0: the validation "
                  "split, or the test split where there is none"),
       integer_key("data.folds", data.folds, between(0, 1000),
                   "the same by cross-validation: equal parts of each class; 0: none"),
       integer_key("data.fold", data.fold, between(0, 999), "the part that is held out, from 0 on"),
       integer_key("data.split_seed", data.split_seed, between(0, 4294967295.0),
                   "of the draw of what is held out"),
       choice_key("data.sampler", data.sampler,
                  {{"shuffled", Sampler::kShuffled},
                   {"balanced", Sampler::kBalanced},
                   {"repeat", Sampler::kRepeat}},
                  "which training images an epoch shows: each once; as many of each class; or rare "
                  "classes more often, by the root of what they lack, arXiv:1908.03195"),
       choice_key("data.on_error", data.on_error,
                  {{"fail", OnError::kFail}, {"skip", OnError::kSkip}},
                  "what an image that cannot be read does: end the run, or be left out with a "
                  "warning"),
       text_key("data.skip", data.skip,
                "where images are files: list of paths below root that are left out", "none"),
       choice_key(
           "data.cache", data.cache,
           {{"none", Cache::kNone}, {"ram", Cache::kRam}, {"disk", Cache::kDisk}},
           "where images are files: where decoded images are kept, of image_folder scaled down "
           "to what testing needs of them; ram: all splits together up to half of the memory"),
       text_key("data.cache_folder", data.cache_folder,
                "disk: may be shared; auto: tessera in $XDG_CACHE_HOME or ~/.cache", "auto"),
       choice_key("data.interpolation", data.resize.interpolation,
                  {{"bilinear", Interpolation::kBilinear}, {"bicubic", Interpolation::kBicubic}},
                  "of images of another size than the model's"),
       number_key("data.test_crop", data.resize.test_crop, between(0.1, 1.0),
                  "in testing: side of the middle that is kept, of the scaled image's"),
       integer_key("data.batch_size", data.batch_size, between(1, 1e6), "images a step"),
       integer_key("data.accumulate", data.accumulate, between(1, 1e6),
                   "steps whose gradients are summed before one update")});
  add_augment(data.augment, keys);
  keys.insert(
      keys.end(),
      {numbers_key("data.normalize.mean", data.mean, Range{},
                   "a channel, for pixels 0 to 1; auto: the data set's", true),
       numbers_key("data.normalize.std", data.std, above(0),
                   "a channel, for pixels 0 to 1; auto: the data set's", true),
       integer_key("data.workers", data.workers, between(0, 256),
                   "loader threads beside the training loop; auto: one for every four cores",
                   automatic_workers()),
       integer_key("data.train_samples", data.train_samples, at_least(0), "training: " + samples),
       integer_key("data.test_samples", data.test_samples, at_least(0), "test: " + samples)});
}

}  // namespace tessera
