// Photos with boxes: object detection, whatever the format of the annotations was.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "files/file_source.h"

namespace tessera {

/// What an annotation says of an image.
struct BoxedImage {
  std::string path;        ///< below the root
  std::int64_t id = 0;     ///< in annotations that have ids
  std::vector<Box> boxes;  ///< in pixels, or in shares of the sides
  bool in_shares = false;
  ImageSize declared;  ///< the size that the annotation believes the image has; 0: it does not say
};

struct BoxedImages {
  std::vector<BoxedImage> images;
  std::vector<std::int64_t> class_ids{};  ///< of the labels; empty: annotations without ids
  std::vector<std::string> warnings;      ///< of boxes that were left out
};

/// Keeps the first of many messages of one kind and counts the rest.
class BoxWarnings {
 public:
  /// `forgiving`: boxes that cannot be meant are left out too, where only classes are asked for.
  explicit BoxWarnings(bool forgiving = false) : forgiving_(forgiving) {}

  bool forgiving() const { return forgiving_; }
  void add(std::string message);
  std::vector<std::string> take();

 private:
  std::vector<std::string> first_;
  std::int64_t more_ = 0;
  bool forgiving_;
};

/// A box as an annotation gives it, cut to the image. `place` is for messages. Nothing, and a
/// warning, if it has no area or lies outside of the image. Throws DataError if a number is not
/// finite, corners are swapped, or it reaches further beyond the image than the image is wide.
std::optional<Box> checked_box(const std::array<double, 4>& corners, const ImageSize& image,
                               const std::string& place, BoxWarnings& warnings);

/// The data set of such images. An EXIF orientation turns boxes with the photo where they were
/// made on the photo as it is stored: when the size that the annotation declares is that one, or
/// does not tell. Boxes in shares of the sides are of the upright photo. Throws DataError.
std::unique_ptr<Dataset> make_box_dataset(DatasetInfo info, std::shared_ptr<const FileSource> files,
                                          BoxedImages images, const DataConfig& config);

}  // namespace tessera
