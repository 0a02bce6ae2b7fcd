// Any file of annotations, in any of the formats, gives boxes within their image or is a DataError.
// The first byte says which format.
#include <cmath>
#include <cstdlib>
#include <span>
#include <string>

#include "core/error.h"
#include "data/sets/coco_json.h"
#include "data/sets/voc.h"
#include "data/sets/yolo.h"
#include "data/sets/yolo_yaml.h"

namespace {

using namespace tessera;

void check(const Box& box, double width, double height) {
  const bool is_inside = box.x0 >= 0.0f && box.y0 >= 0.0f && box.x0 < box.x1 && box.y0 < box.y1 &&
                         double{box.x1} <= width && double{box.y1} <= height;
  if (!is_inside) std::abort();
}

void read(int format, std::span<const std::uint8_t> bytes) {
  BoxWarnings warnings;
  if (format == 0) {
    const VocAnnotation read = parse_voc(bytes, "a.xml", warnings);
    const double height = read.size.height > 0 ? static_cast<double>(read.size.height) : 16384.0;
    const double width = read.size.width > 0 ? static_cast<double>(read.size.width) : 16384.0;
    for (const VocObject& object : read.objects) check(object.box, width, height);
  } else if (format == 1) {
    const CocoFile file = parse_coco(bytes, "a.json");
    for (const CocoBox& box : file.annotations) {
      for (const double value : box.bbox) {
        if (!std::isfinite(value)) std::abort();
      }
    }
  } else if (format == 2) {
    for (const Box& box : parse_yolo_labels(bytes, "a.txt", 3, warnings)) {
      check(box, 1.0, 1.0);
      if (box.label < 0 || box.label >= 3) std::abort();
    }
  } else if (parse_yolo_yaml(bytes, "data.yaml").names.empty()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    read(data[0] % 4, {data + 1, size - 1});
  } catch (const tessera::DataError&) {
  }
  return 0;
}
