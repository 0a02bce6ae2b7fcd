// Annotations of boxes written anew without what is wrong in them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_config.h"
#include "data/images/image.h"
#include "files/file_source.h"

namespace tessera {

/// Where the annotations of a data set lie, below its root or, of lists, elsewhere.
struct AnnotationFiles {
  std::shared_ptr<const FileSource> files;
  std::vector<std::string> paths;
};

/// What became of boxes.
struct BoxFixes {
  std::int64_t files = 0;
  std::int64_t boxes = 0;            ///< written
  std::int64_t turned = 0, cut = 0;  ///< of these: corners were swapped; reached beyond the image
  std::int64_t unreadable = 0, empty = 0, outside = 0, repeated = 0;  ///< left out

  bool any() const { return turned + cut + unreadable + empty + outside + repeated > 0; }
};

/// The boxes of one image, one after the other.
class BoxFixer {
 public:
  BoxFixer(const ImageSize& image, BoxFixes& fixes) : image_(image), fixes_(fixes) {}

  /// Corners in order and within the image, as far as its size is known; nothing if the box is not
  /// finite, has no area within the image, or was there before with the same class.
  std::optional<std::array<double, 4>> fixed(std::array<double, 4> corners,
                                             const std::string& class_name);

 private:
  ImageSize image_;
  BoxFixes& fixes_;
  std::set<std::pair<std::array<double, 4>, std::string>> seen_;
};

/// The text of a VOC file, of which everything else stays. Throws DataError if it is no XML.
std::string fixed_voc(std::span<const std::uint8_t> bytes, std::string_view name, BoxFixes& fixes);

/// The same of a COCO file: annotations of images or categories that it does not have are left out
/// too. Throws DataError if it is no JSON with lists of images, annotations and categories.
std::string fixed_coco(std::span<const std::uint8_t> bytes, std::string_view name, BoxFixes& fixes);

/// The same of a YOLO file, line by line.
std::string fixed_yolo(std::span<const std::uint8_t> bytes, BoxFixes& fixes);

/// Writes all annotations of a data set of boxes below `folder`, at the paths that they have below
/// the root. Throws DataError, ConfigError for a data set of another kind or the root's own folder.
BoxFixes write_fixed_boxes(const DataConfig& config, const std::filesystem::path& folder);

}  // namespace tessera
