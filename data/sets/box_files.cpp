#include "data/sets/box_files.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "core/checksum.h"
#include "core/error.h"
#include "data/sets/file_images.h"

namespace tessera {
namespace {

constexpr std::size_t kShownWarnings = 10;

std::vector<std::string> paths_of(const std::vector<BoxedImage>& images) {
  std::vector<std::string> paths;
  for (const BoxedImage& image : images) paths.push_back(image.path);
  return paths;
}

/// The box on the photo after orientation `o` of EXIF is undone; `stored` is the size before.
Box turned_upright(Box box, int o, const ImageSize& stored) {
  const auto width = static_cast<float>(stored.width), height = static_cast<float>(stored.height);
  // As for pixels: first the stored sides are mirrored, then the diagonal.
  const bool from_right = o == 2 || o == 3 || o == 7 || o == 8;
  const bool from_bottom = o == 3 || o == 4 || o == 6 || o == 7;
  if (from_right) box.x0 = width - std::exchange(box.x1, width - box.x0);
  if (from_bottom) box.y0 = height - std::exchange(box.y1, height - box.y0);
  if (o >= 5) {
    std::swap(box.x0, box.y0);
    std::swap(box.x1, box.y1);
  }
  return box;
}

class BoxFiles final : public Dataset {
 public:
  BoxFiles(DatasetInfo info, std::shared_ptr<const FileSource> files, BoxedImages images,
           const DataConfig& config)
      : Dataset(std::move(info)),
        files_(std::move(files)),
        boxed_(std::move(images.images)),
        class_ids_(std::move(images.class_ids)),
        images_(*files_, paths_of(boxed_), image().channels, config, std::move(images.warnings)) {}

  std::int64_t size() const override { return images_.size(); }
  TargetKind target_kind() const override { return TargetKind::kBoxes; }

  ImageView read(std::int64_t i, Image& buffer) const override { return images_.read(i, buffer); }

  Target target(std::int64_t i) const override {
    const BoxedImage& boxed = boxed_[static_cast<std::size_t>(i)];
    const PhotoFacts photo = images_.facts(i);
    if (!boxed.in_shares) check_size(i, boxed, photo);
    const bool turns = !boxed.in_shares && photo.orientation > 1 && !is_upright(boxed, photo);
    Target target;
    BoxWarnings ignored;
    for (Box box : boxed.boxes) {
      if (boxed.in_shares) box = in_pixels(box, photo.size);
      if (turns) box = turned_upright(box, photo.orientation, photo.stored());
      const auto cut =
          checked_box({box.x0, box.y0, box.x1, box.y1}, photo.size, images_.full_path(i), ignored);
      if (!cut) continue;
      box.x0 = cut->x0, box.y0 = cut->y0, box.x1 = cut->x1, box.y1 = cut->y1;
      if (box.area <= 0.0f) box.area = cut->area;
      target.boxes.push_back(box);
    }
    return target;
  }

  std::string sample_name(std::int64_t i) const override { return images_.path(i); }

  std::int64_t sample_id(std::int64_t i) const override {
    return class_ids_.empty() ? Dataset::sample_id(i) : boxed_[static_cast<std::size_t>(i)].id;
  }
  std::int64_t class_id(std::int64_t label) const override {
    return class_ids_.empty() ? Dataset::class_id(label)
                              : class_ids_[static_cast<std::size_t>(label)];
  }

  std::uint64_t fingerprint() const override {
    std::uint64_t hash = 0;
    for (const BoxedImage& boxed : boxed_) {
      hash = hash_text(boxed.path, hash ^ files_->file_size(boxed.path));
      for (const Box& box : boxed.boxes) {
        hash = hash_text(
            fmt::format("{} {} {} {} {} {}", box.x0, box.y0, box.x1, box.y1, box.label, box.crowd),
            hash);
      }
    }
    return hash;
  }

  std::vector<std::string> take_warnings() const override { return images_.take_warnings(); }

 private:
  static bool is_size(const ImageSize& a, const ImageSize& b) {
    return a.height == b.height && a.width == b.width;
  }

  /// Whether the annotation was plainly made on the photo as a viewer shows it.
  static bool is_upright(const BoxedImage& boxed, const PhotoFacts& photo) {
    return is_size(boxed.declared, photo.size) && !is_size(boxed.declared, photo.stored());
  }

  void check_size(std::int64_t i, const BoxedImage& boxed, const PhotoFacts& photo) const {
    const ImageSize& said = boxed.declared;
    if (said.height == 0 || said.width == 0) return;
    if (is_size(said, photo.size) || is_size(said, photo.stored())) return;
    fail<DataError>(
        "[{}] {}: has {} x {} pixels, but its annotation says {} x {}: boxes would lie "
        "beside their things",
        name(), images_.full_path(i), photo.size.height, photo.size.width, said.height, said.width);
  }

  static Box in_pixels(Box box, const ImageSize& size) {
    const auto width = static_cast<float>(size.width), height = static_cast<float>(size.height);
    box.x0 *= width, box.x1 *= width;
    box.y0 *= height, box.y1 *= height;
    return box;
  }

  std::shared_ptr<const FileSource> files_;
  std::vector<BoxedImage> boxed_;
  std::vector<std::int64_t> class_ids_;
  FileImages images_;
};

}  // namespace

void BoxWarnings::add(std::string message) {
  if (first_.size() < kShownWarnings) {
    first_.push_back(std::move(message));
  } else {
    ++more_;
  }
}

std::vector<std::string> BoxWarnings::take() {
  std::vector<std::string> messages = std::move(first_);
  if (more_ > 0) messages.push_back(fmt::format("and {} more boxes left out", more_));
  first_.clear();
  more_ = 0;
  return messages;
}

std::optional<Box> checked_box(const std::array<double, 4>& corners, const ImageSize& image,
                               const std::string& place, BoxWarnings& warnings) {
  const auto [x0, y0, x1, y1] = corners;
  const auto text = [&] {  // not of the names above, which clang 14 captures in no lambda
    return fmt::format("{}, {} to {}, {}", corners[0], corners[1], corners[2], corners[3]);
  };
  for (const double value : corners) {
    if (!std::isfinite(value)) fail<DataError>("{}: box {} is not finite", place, text());
  }
  if (x1 < x0 || y1 < y0) fail<DataError>("{}: box {} has its corners swapped", place, text());
  // Without a known size, the largest that an image may have.
  constexpr std::int64_t kMost = 16384;
  const auto width = static_cast<double>(image.width > 0 ? image.width : kMost);
  const auto height = static_cast<double>(image.height > 0 ? image.height : kMost);
  if (x0 < -width || y0 < -height || x1 > 2.0 * width || y1 > 2.0 * height) {
    fail<DataError>("{}: box {} lies far outside of an image of {} x {} pixels", place, text(),
                    image.height, image.width);
  }
  Box box;
  box.x0 = static_cast<float>(std::clamp(x0, 0.0, width));
  box.x1 = static_cast<float>(std::clamp(x1, 0.0, width));
  box.y0 = static_cast<float>(std::clamp(y0, 0.0, height));
  box.y1 = static_cast<float>(std::clamp(y1, 0.0, height));
  box.area = box.width() * box.height();
  if (box.area > 0.0f) return box;
  warnings.add(fmt::format("{}: box {} {}; left out", place, text(),
                           x0 == x1 || y0 == y1 ? "has no area" : "lies outside of the image"));
  return std::nullopt;
}

std::unique_ptr<Dataset> make_box_dataset(DatasetInfo info, std::shared_ptr<const FileSource> files,
                                          BoxedImages images, const DataConfig& config) {
  return std::make_unique<BoxFiles>(std::move(info), std::move(files), std::move(images), config);
}

}  // namespace tessera
