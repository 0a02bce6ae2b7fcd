#include "data/sets/image_folder.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "core/checksum.h"
#include "core/error.h"
#include "core/text.h"
#include "data/hold_out.h"
#include "data/images/disk_cache.h"
#include "data/images/ram_cache.h"
#include "data/sets/dense_files.h"
#include "data/sets/image_files.h"
#include "data/transform.h"
#include "files/file_source.h"

namespace tessera {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 28;

/// Paths and classes of samples, the paths in one text: a million of 25 letters are 37 MB.
class Samples {
 public:
  void reserve(std::size_t count, std::size_t letters) {
    text_.reserve(letters);
    ends_.reserve(count);
    labels_.reserve(count);
  }

  void add(std::string_view path, std::int32_t label) {
    text_ += path;
    ends_.push_back(text_.size());
    labels_.push_back(label);
  }

  std::size_t size() const { return labels_.size(); }
  std::int32_t label(std::size_t i) const { return labels_[i]; }
  std::string path(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return text_.substr(begin, ends_[i] - begin);
  }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
  std::vector<std::int32_t> labels_;
};

ImageSize enough_for(const DataConfig& config, Split split) {
  if (config.whole_images) return {};
  const bool is_cropped =
      split == Split::kTrain && config.cache == Cache::kNone && config.augment.crops_area();
  return enough_pixels(
      config.image, is_cropped ? std::sqrt(config.augment.crop_area[0]) : config.resize.test_crop);
}

class ImageFolder final : public Dataset {
 public:
  ImageFolder(DatasetInfo info, std::shared_ptr<const FileSource> files, Samples samples,
              const DataConfig& config, Split split, std::vector<std::string> warnings)
      : Dataset(std::move(info)),
        files_(std::move(files)),
        samples_(std::move(samples)),
        resize_(config.resize),
        enough_(enough_for(config, split)),
        warnings_(std::move(warnings)) {
    if (config.cache == Cache::kRam) ram_.emplace(size(), ram_budget());
    if (config.cache == Cache::kDisk) {
      disk_.emplace(config.cache_folder.empty() ? default_cache_folder().string()
                                                : config.cache_folder);
    }
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }

  ImageView read(std::int64_t i, Image& buffer) const override {
    if (ram_) {
      if (const Image* kept = ram_->find(i)) return *kept;
    }
    const std::string path = sample_name(i);
    const std::vector<std::uint8_t> bytes = files_->read(path, kMaxFileBytes);
    const std::uint64_t key = disk_ ? cache_key(bytes) : 0;
    if (disk_ && disk_->load(key, buffer)) return buffer;
    buffer = decode_image(bytes, files_->root() + '/' + path, image().channels, enough_);
    if (ram_ || disk_) buffer = shrink(std::move(buffer), image(), resize_);
    if (disk_) disk_->store(key, buffer);
    if (ram_) {
      if (const Image* kept = ram_->keep(i, buffer)) return *kept;
    }
    return buffer;
  }

  std::vector<std::string> take_warnings() const override {
    std::vector<std::string> warnings;
    if (!warned_.exchange(true)) warnings = warnings_;
    if (std::string warning = disk_ ? disk_->take_warning() : ""; !warning.empty()) {
      warnings.push_back(std::move(warning));
    }
    return warnings;
  }

  std::int32_t label(std::int64_t i) const override {
    return samples_.label(static_cast<std::size_t>(i));
  }
  std::string sample_name(std::int64_t i) const override {
    return samples_.path(static_cast<std::size_t>(i));
  }

  std::uint64_t fingerprint() const override {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      const std::string path = samples_.path(i);
      const std::uint64_t size = files_->file_size(path);
      hash = hash_text(fmt::format("{}:{}", size, samples_.label(i)), hash_text(path, hash));
    }
    return hash;
  }

 private:
  /// Of the file and of all that is done to it before it is kept.
  std::uint64_t cache_key(std::span<const std::uint8_t> bytes) const {
    const ImageShape& shape = image();
    return hash_text(fmt::format("{} {} {} {} {} {} {}", shape.height, shape.width, shape.channels,
                                 static_cast<int>(resize_.interpolation), resize_.test_crop,
                                 enough_.height, enough_.width),
                     hash_bytes(bytes));
  }

  std::shared_ptr<const FileSource> files_;
  Samples samples_;
  ResizeConfig resize_;
  ImageSize enough_;
  std::vector<std::string> warnings_;  ///< of the listing; told once
  mutable std::atomic<bool> warned_ = false;
  mutable std::optional<RamCache> ram_;
  mutable std::optional<DiskCache> disk_;
};

Samples labelled(std::vector<ImageFile> files, const std::vector<std::string>& classes,
                 const std::string& root) {
  std::unordered_map<std::string, std::int32_t> labels;
  for (const std::string& name : classes) {
    labels.emplace(name, static_cast<std::int32_t>(labels.size()));
  }
  std::size_t letters = 0;
  for (const ImageFile& file : files) letters += file.path.size();
  Samples samples;
  samples.reserve(files.size(), letters);
  for (ImageFile& file : files) {
    const auto label = labels.find(file.label);
    if (label == labels.end()) {
      fail<DataError>("[data] {}: its class {} is none of the {} of training",
                      shown(root + '/' + file.path), shown(file.label), classes.size());
    }
    samples.add(file.path, label->second);
    file = {};  // not both at once
  }
  return samples;
}

/// As many of each class as possible: the first of every class come before the second of any.
void keep_samples(Samples& samples, std::int64_t count) {
  if (count > static_cast<std::int64_t>(samples.size())) {
    fail<DataError>("[image_folder] {} samples asked for, the data set has {}", count,
                    samples.size());
  }
  std::unordered_map<std::int32_t, std::int64_t> seen;
  std::vector<std::pair<std::int64_t, std::size_t>> order;  // rank within the class, index
  for (std::size_t i = 0; i < samples.size(); ++i) {
    order.emplace_back(seen[samples.label(i)]++, i);
  }
  std::stable_sort(order.begin(), order.end());
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  Samples kept;
  for (const auto& [rank, index] : order) kept.add(samples.path(index), samples.label(index));
  samples = std::move(kept);
}

std::vector<std::string> warnings_of(Findings findings) {
  std::vector<std::string> lines = std::move(findings.problems);
  std::move(findings.notes.begin(), findings.notes.end(), std::back_inserter(lines));
  return lines;
}

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const DataConfig& config, Split split) {
  std::shared_ptr<const FileSource> files = open_root(config);
  DatasetInfo info = dataset_info(config);
  if (info.class_names.empty()) info.class_names = training_classes(*files, config);
  Findings findings;
  Samples samples =
      labelled(find_images(*files, config, split, &findings), info.class_names, config.root);
  std::int64_t wanted = split == Split::kTrain ? config.train_samples : config.test_samples;
  if (split == Split::kVal && holds_out(config)) {
    wanted = std::min(wanted, static_cast<std::int64_t>(samples.size()));
  }
  if (wanted > 0) keep_samples(samples, wanted);
  return std::make_unique<ImageFolder>(std::move(info), std::move(files), std::move(samples),
                                       config, split, warnings_of(std::move(findings)));
}

Findings image_folder_findings(const DataConfig& config, Split split) {
  Findings findings;
  find_images(*open_root(config), config, split, &findings);
  return findings;
}

bool has_training_folder(const std::string& root) { return has_training_folder(*open_files(root)); }

std::vector<std::string> image_folder_classes(const DataConfig& config) {
  return training_classes(*open_root(config), config);
}

bool image_folder_validates_on_test(const DataConfig& config) {
  return val_is_test(*open_root(config), config);
}

}  // namespace tessera
