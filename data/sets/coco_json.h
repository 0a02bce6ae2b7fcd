// The part of a COCO file (arXiv:1405.0312) that detection needs, read in one pass: what the file
// says of polygons, licences and captions takes no memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct CocoImage {
  std::int64_t id = 0;
  std::string file_name;
  std::int64_t height = 0;  ///< 0: not said
  std::int64_t width = 0;
};

struct CocoBox {
  std::int64_t id = 0;  ///< 0: not said
  std::int64_t image_id = 0;
  std::int64_t category_id = 0;
  std::array<double, 4> bbox{};  ///< x, y, width, height
  double area = 0.0;             ///< 0: not said
  bool crowd = false;
};

struct CocoCategory {
  std::int64_t id = 0;
  std::string name;
  std::string supercategory;
};

struct CocoFile {
  std::vector<CocoImage> images;
  std::vector<CocoBox> annotations;
  std::vector<CocoCategory> categories;
};

/// Throws DataError that names the byte or the entry: no JSON, deeper than 100 levels, an entry
/// without its ids or with something else in their place, a list that is missing.
CocoFile parse_coco(std::span<const std::uint8_t> bytes, std::string_view name);

}  // namespace tessera
