#include "core/error.h"
#include "data/dataset_info.h"
#include "data/sets/mask_rules.h"
#include "train/config/checks.h"

namespace tessera {
namespace {

void check_model_against_data(const Checker& check, const DatasetInfo& info) {
  const ModelConfig& model = check.config.model;
  const Size2 image{info.image.height, info.image.width};
  if (check.readable({"model.image_size"}) && model.image_size != image) {
    check.report({"model.image_size"}, "[model] image_size {}, but images of {} are {}; use auto",
                 by(model.image_size), info.name, by(image));
  }
  if (check.readable({"model.in_channels"}) && model.in_channels != info.image.channels) {
    check.report({"model.in_channels"}, "[model] in_channels {}, but {} has {}; use auto",
                 model.in_channels, info.name, info.image.channels);
  }
  if (check.readable({"model.num_classes"}) && model.num_classes < info.num_classes()) {
    check.report({"model.num_classes"},
                 "[model] num_classes {} is less than the {} classes of {}; use auto",
                 model.num_classes, info.num_classes(), info.name);
  }
}

void check_normalization(const Checker& check, const DatasetInfo& info) {
  const auto check_list = [&](const char* path, const std::vector<float>& values) {
    const auto count = static_cast<std::int64_t>(values.size());
    if (!check.readable({path}) || values.empty() || count == info.image.channels) return;
    check.report({path}, "{}: {} given, but images of {} have {} channels", path, count, info.name,
                 info.image.channels);
  };
  check_list("data.normalize.mean", check.config.data.mean);
  check_list("data.normalize.std", check.config.data.std);
}

void check_folder(const Checker& check) {
  const DataConfig& data = check.config.data;
  const std::int64_t channels = check.config.model.in_channels;
  if (check.readable({"model.in_channels"}) && channels != 1 && channels != 3) {
    check.report({"model.in_channels"}, "[model] in_channels {}: files give images of 1 or 3",
                 channels);
  }
  std::vector<std::string> names = data.classes;
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    check.report({"data.classes"}, "data.classes: {} is there twice", *twice);
  }
}

void check_hold_out(const Checker& check) {
  const DataConfig& data = check.config.data;
  if (!check.readable({"data.val_split", "data.folds", "data.fold"})) return;
  if (data.folds == 1) {
    check.report({"data.folds"}, "[data] folds 1: two parts or more, or 0 for none");
  }
  if (data.folds > 1 && data.val_split > 0.0) {
    check.report({"data.folds", "data.val_split"},
                 "[data] folds {} and val_split {} are two ways to hold out; use one", data.folds,
                 data.val_split);
  }
  if (data.fold > 0 && data.fold >= data.folds) {
    check.report({"data.fold", "data.folds"}, "[data] fold {}, but folds {} numbers them {}",
                 data.fold, data.folds,
                 data.folds > 0 ? fmt::format("0 to {}", data.folds - 1) : "not at all");
  }
}

void check_colors(const Checker& check) {
  const DataConfig& data = check.config.data;
  if (data.name != DatasetName::kImageMasks || data.colors.empty()) return;
  if (!check.readable({"data.colors", "data.reduce_zero_label"})) return;
  try {
    MaskRules(data, static_cast<std::int64_t>(data.classes.size()));
  } catch (const ConfigError& error) {
    check.report({"data.colors"}, "{}", error.what());
  }
}

/// Changes that only one kind of target can follow.
void check_augment(const Checker& check) {
  const AugmentConfig& augment = check.config.data.augment;
  const DatasetInfo info = dataset_info(check.config.data);
  const AugmentConfig off;
  const auto refuse = [&](bool is_set, const char* key, const char* kind) {
    const std::string path = fmt::format("data.augment.{}", key);
    if (!is_set || !check.readable({path})) return;
    check.report({path}, "{}: is for data sets with {}, which {} is not", path, kind, info.name);
  };
  if (target_kind_of(check.config.data.name) == TargetKind::kClass) {
    const char* const kind = "masks or boxes";
    refuse(augment.scale != off.scale, "scale", kind);
    refuse(augment.crop != off.crop, "crop", kind);
    refuse(augment.zoom_out != off.zoom_out, "zoom_out", kind);
    refuse(augment.photometric, "photometric", kind);
    return;
  }
  const char* const kind = "a class an image";
  if (check.config.data.sampler != Sampler::kShuffled && check.readable({"data.sampler"})) {
    check.report({"data.sampler"}, "data.sampler: is for data sets with {}, which {} is not", kind,
                 info.name);
  }
  refuse(augment.crops_area(), "crop_area", kind);
  refuse(augment.crop_padding > 0, "crop_padding", kind);
  refuse(augment.erase > 0.0, "erase", kind);
  refuse(augment.mixup > 0.0, "mixup", kind);
  refuse(augment.cutmix > 0.0, "cutmix", kind);
  if (augment.scale[0] > augment.scale[1] && check.readable({"data.augment.scale"})) {
    check.report({"data.augment.scale"}, "data.augment.scale: [{}, {}] falls", augment.scale[0],
                 augment.scale[1]);
  }
  if ((augment.crop[0] == 0) != (augment.crop[1] == 0) && check.readable({"data.augment.crop"})) {
    check.report({"data.augment.crop"}, "data.augment.crop: {} has one side; give two, or 0",
                 by(augment.crop));
  }
}

}  // namespace

void check_data_config(const Checker& check) {
  const DatasetName name = check.config.data.name;
  const DatasetInfo info = dataset_info(check.config.data);
  check_model_against_data(check, info);
  check_normalization(check, info);
  check_hold_out(check);
  check_augment(check);
  check_colors(check);
  if (lies_in_files(name)) check_folder(check);
}

}  // namespace tessera
