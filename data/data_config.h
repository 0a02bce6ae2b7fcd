// Where images come from and what happens to them: the `data:` part of a configuration.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/images/image.h"

namespace tessera {

enum class DatasetName : std::uint8_t {
  kFashionMnist,
  kMnist,
  kCifar10,
  kCifar100,
  kSynthetic,
  kImageFolder,
  kImageMasks,
  kVoc,
  kCoco,
  kYolo
};
inline constexpr int kDatasetNames = static_cast<int>(DatasetName::kYolo) + 1;  ///< how many
enum class Cache : std::uint8_t { kNone, kRam, kDisk };
/// Which training images an epoch shows.
enum class Sampler : std::uint8_t {
  kShuffled,  ///< each once
  kBalanced,  ///< as many of each class
  kRepeat     ///< classes below the mean more often, by the root of what they lack
};
enum class OnError : std::uint8_t { kFail, kSkip };

enum class AugmentPolicy : std::uint8_t { kNone, kRandAugment, kTrivialAugment, kAutoAugmentCifar };
enum class EraseMode : std::uint8_t { kConstant, kPixel };

/// Random changes to training images, in this order. All draws are per sample, those of mixing per
/// batch.
struct AugmentConfig {
  std::int64_t repeats = 1;  ///< times that an epoch shows a sample (arXiv:1901.09335)
  std::array<double, 2> crop_area{1.0, 1.0};  ///< share that a random resized crop takes
  std::array<double, 2> crop_aspect{3.0 / 4.0, 4.0 / 3.0};  ///< its width to height
  std::int64_t crop_padding = 0;           ///< zero pixels added on every side before a random crop
  bool flip = false;                       ///< horizontal, probability 1/2
  std::array<double, 2> scale{1.0, 1.0};   ///< dense: factor of the model's image size
  std::array<std::int64_t, 2> crop{0, 0};  ///< dense: height and width of what is seen; 0: all
  double class_share = 0.75;  ///< masks: most that one class may have of a crop, if it can be had
  double zoom_out = 1.0;  ///< dense: canvas up to so many times as large, probability 1/2; 1: off
  bool photometric = false;  ///< dense: brightness, contrast, saturation and hue, at random
  AugmentPolicy policy = AugmentPolicy::kNone;
  std::int64_t policy_ops = 2;    ///< RandAugment: ops that may change an image
  double policy_magnitude = 9.0;  ///< RandAugment: mean strength, 0 to 10
  double policy_std = 0.5;        ///< RandAugment: standard deviation of the strength
  double color_jitter = 0.0;  ///< brightness, contrast and saturation change by up to this share
  double hue_jitter = 0.0;    ///< hue changes by up to so many turns of the colour circle
  double erase = 0.0;         ///< probability of erasing a random rectangle (arXiv:1708.04896)
  EraseMode erase_mode = EraseMode::kConstant;
  double mixup = 0.0;            ///< alpha of its Beta distribution; 0: off
  double cutmix = 0.0;           ///< alpha of its Beta distribution; 0: off
  double mix_probability = 1.0;  ///< of mixing a batch
  double mix_switch = 0.5;       ///< share of cutmix where both are on

  bool crops_area() const { return crop_area[0] < 1.0; }
  bool crops() const { return crop[0] > 0; }
  bool mixes() const { return mixup > 0.0 || cutmix > 0.0; }
  bool changes_images() const {
    return crops_area() || crop_padding > 0 || flip || policy != AugmentPolicy::kNone ||
           color_jitter > 0.0 || hue_jitter > 0.0 || erase > 0.0 || scale[0] != 1.0 ||
           scale[1] != 1.0 || crops() || zoom_out > 1.0 || photometric;
  }
};

/// How an image of another size than the model's is brought to it.
struct ResizeConfig {
  Interpolation interpolation = Interpolation::kBilinear;
  double test_crop = 1.0;  ///< in testing: side of the middle that is kept, of the scaled image's
};

struct DataConfig {
  DatasetName name = DatasetName::kFashionMnist;
  std::string root;                  ///< folder of the files; empty: the usual places are searched
  std::vector<std::string> classes;  ///< image_folder: in the order of labels; empty: not known yet
  ImageShape image;                  ///< image_folder: the model's; no key of its own
  bool whole_images = false;  ///< image_folder: also the pixels that no model of `image` could tell
                              ///< apart; no key of its own
  std::string train_list;     ///< image_folder: table of files and classes; empty: class folders
  std::string val_list;
  std::string test_list;
  std::string images;                ///< folder of images below root; empty: the usual names
  std::string masks;                 ///< image_masks: the same of masks
  std::vector<std::string> colors;   ///< image_masks: of the classes, then of what is ignored
  bool reduce_zero_label = false;    ///< image_masks: 0 is ignored, 1 is the first class
  std::int32_t ignored_value = 255;  ///< image_masks: in files, of what is ignored; its key is
                                     ///< task.ignore_index
  double val_split = 0.0;            ///< share of each class held out of training
  std::int64_t folds = 0;            ///< parts of training of which one is held out; 0: none
  std::int64_t fold = 0;             ///< which, from 0
  std::uint32_t split_seed = 0;
  OnError on_error = OnError::kFail;  ///< what an image that cannot be read leads to
  std::string skip;                   ///< file of paths that are left out
  ResizeConfig resize;
  Sampler sampler = Sampler::kShuffled;
  Cache cache = Cache::kNone;     ///< image_folder: where decoded images are kept
  std::string cache_folder;       ///< of kDisk; empty: the user's
  std::int64_t batch_size = 128;  ///< images a step
  std::int64_t accumulate = 1;    ///< steps whose gradients are summed before one update
  AugmentConfig augment;
  std::vector<float> mean;  ///< per channel, pixels 0..1; empty: the data set's known values
  std::vector<float> std;
  int workers = 1;                 ///< loader threads beside the training loop; 0: none
  std::int64_t train_samples = 0;  ///< use only the first so many training samples; 0: all
  std::int64_t test_samples = 0;
};

}  // namespace tessera
