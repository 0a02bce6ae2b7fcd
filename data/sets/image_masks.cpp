#include "data/sets/image_masks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/checksum.h"
#include "core/error.h"
#include "core/text.h"
#include "data/sets/dense_files.h"
#include "data/sets/file_images.h"
#include "data/sets/image_mask_files.h"
#include "data/sets/mask_rules.h"
#include "files/file_source.h"

namespace tessera {
namespace {

constexpr std::size_t kMaxMaskBytes = std::size_t{1} << 28;
constexpr std::size_t kMaxClasses = 255;

std::vector<std::string> paths_of(const std::vector<ImageAndMask>& pairs) {
  std::vector<std::string> paths;
  for (const ImageAndMask& pair : pairs) paths.push_back(pair.path);
  return paths;
}

class ImageMasks final : public Dataset {
 public:
  ImageMasks(DatasetInfo info, std::shared_ptr<const FileSource> files,
             std::vector<ImageAndMask> pairs, const DataConfig& config,
             std::vector<std::string> warnings)
      : Dataset(std::move(info)),
        files_(std::move(files)),
        pairs_(std::move(pairs)),
        images_(*files_, paths_of(pairs_), image().channels, config, std::move(warnings)),
        rules_(config, num_classes()) {
    if (num_classes() == 2 && config.colors.empty() && config.ignored_value == kIgnored) {
      check_two_classes();
    }
  }

  std::int64_t size() const override { return images_.size(); }
  TargetKind target_kind() const override { return TargetKind::kMask; }

  ImageView read(std::int64_t i, Image& buffer) const override { return images_.read(i, buffer); }

  Target target(std::int64_t i) const override {
    Target target;
    target.mask = rules_.apply(mask_of(i), mask_name(i));
    const PhotoFacts photo = images_.facts(i);
    const Mask& mask = target.mask;
    if (mask.height == photo.size.height && mask.width == photo.size.width) return target;
    fail<DataError>(
        "[image_masks] {}: {} x {} pixels, but its image {} has {} x {}{}", mask_name(i),
        mask.height, mask.width, images_.path(i), photo.size.height, photo.size.width,
        photo.orientation > 1 ? ", turned by its EXIF orientation; a mask is taken as it is stored"
                              : "");
  }

  std::string sample_name(std::int64_t i) const override { return images_.path(i); }

  std::uint64_t fingerprint() const override {
    std::uint64_t hash = 0;
    for (const ImageAndMask& pair : pairs_) {
      hash = hash_text(pair.path, hash ^ files_->file_size(pair.path));
      hash = hash_text(pair.mask, hash ^ files_->file_size(pair.mask));
    }
    return hash;
  }

  std::vector<std::string> take_warnings() const override { return images_.take_warnings(); }

 private:
  std::string mask_name(std::int64_t i) const {
    return shown_path(*files_, pairs_[static_cast<std::size_t>(i)].mask);
  }

  Image mask_of(std::int64_t i) const {
    const std::string& path = pairs_[static_cast<std::size_t>(i)].mask;
    return rules_.decode(files_->read(path, kMaxMaskBytes), mask_name(i));
  }

  /// Painted in black and white, the second class would be what is ignored.
  void check_two_classes() const {
    constexpr std::int64_t kLooked = 16;
    std::int64_t white = -1;
    for (std::int64_t i = 0; i < std::min(kLooked, size()); ++i) {
      Image mask;
      try {
        mask = mask_of(i);
      } catch (const DataError&) {
        continue;  // told when it is read
      }
      if (mask.shape.channels != 1) return;
      for (const std::uint8_t value : mask.pixels) {
        if (value != 0 && value != kIgnored) return;
        if (value == kIgnored) white = i;
      }
    }
    if (white < 0) return;
    fail<DataError>(
        "[image_masks] {}: masks hold 0 and 255 and no 1, and 255 is ignored; if white "
        "is the class {}, set data.colors: [000000, ffffff]",
        mask_name(white), quoted(class_names()[1]));
  }

  std::shared_ptr<const FileSource> files_;
  std::vector<ImageAndMask> pairs_;
  FileImages images_;
  MaskRules rules_;
};

std::vector<std::string> classes_of(const FileSource& files, const DataConfig& config,
                                    const MaskLayout& layout) {
  std::vector<std::string> classes = listed_classes(files, config, layout.base);
  if (classes.empty()) {
    fail<DataError>(
        "[image_masks] {}: name the classes in the order of their numbers, in {} (one "
        "a line) or in data.classes",
        shown_path(files), shown(joined(layout.base, "classes.txt")));
  }
  if (classes.size() > kMaxClasses) {
    fail<DataError>("[image_masks] {} classes; a mask of 8 bits tells {} apart", classes.size(),
                    kMaxClasses);
  }
  return classes;
}

}  // namespace

std::unique_ptr<Dataset> open_image_masks(const DataConfig& config, Split split) {
  std::shared_ptr<const FileSource> files = open_root(config);
  const MaskLayout layout = mask_layout(*files, config);
  DatasetInfo info = dataset_info(config);
  info.class_names = classes_of(*files, config, layout);
  const Split part = stored_part(config, split, layout.parts, shown_path(*files));
  std::vector<std::string> warnings;
  std::vector<ImageAndMask> pairs = samples_of_split(
      images_and_masks(*files, config, layout, part, warnings), config, split, part);
  return std::make_unique<ImageMasks>(std::move(info), std::move(files), std::move(pairs), config,
                                      std::move(warnings));
}

std::vector<std::string> image_masks_classes(const DataConfig& config) {
  const std::shared_ptr<const FileSource> files = open_root(config);
  return classes_of(*files, config, mask_layout(*files, config));
}

bool image_masks_validates_on_test(const DataConfig& config) {
  const std::shared_ptr<const FileSource> files = open_root(config);
  return parts_coincide(config, mask_layout(*files, config).parts);
}

}  // namespace tessera
