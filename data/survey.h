// A look at a folder of which nothing is known: what data set it is, and what its images are like.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/dataset_info.h"

namespace tessera {

struct DataSurvey {
  DataConfig config;  ///< name, root, and lists and a share held out where they are needed
  TargetKind kind = TargetKind::kClass;
  std::vector<std::string> classes;
  std::int64_t training = 0;    ///< images, with those that are held out
  std::int64_t validation = 0;  ///< images of a split of their own; 0: they are held out
  bool spares_test = false;     ///< there are test images, and none is used before the end
  bool trains_on_all =
      false;  ///< no class has an image to spare: validation shows those of training
  std::vector<std::int64_t> class_counts;  ///< of training; empty for masks and boxes
  std::vector<std::int64_t> pixels;        ///< masks: of each class, in those looked at
  std::array<double, 3> box_sides{};      ///< boxes: 5 %, 50 % and 95 % have at most such a root of
                                          ///< their area, as a share of the image's longer side
  std::int64_t most_boxes = 0;            ///< of one image
  std::array<std::int64_t, 3> heights{};  ///< smallest, median, largest of those looked at
  std::array<std::int64_t, 3> widths{};
  bool is_grey = false;    ///< all those looked at
  Normalization measured;  ///< of three channels, or one where the images are grey
  std::int64_t unreadable = 0;
  std::string unreadable_example;  ///< what is wrong with the first
};

/// The data set that a folder or tar archive holds: `data.yaml` (YOLO), Annotations (VOC),
/// annotations of COCO, images beside masks, lists of images and classes, folders of classes.
/// Throws DataError that says why it is none.
DataConfig recognise_data(const std::string& root);

/// Opens it, and decodes some images spread over it for at most some seconds. Masks whose classes
/// no file names get names by their numbers or colours. Throws DataError.
DataSurvey survey_data(const std::string& root);

}  // namespace tessera
