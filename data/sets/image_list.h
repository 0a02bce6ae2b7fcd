// Tables of image files and their classes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/sets/image_files.h"

namespace tessera {

/// The rows of a table (`data/sets/table_file.h`), each path after `prefix` and below the root,
/// from which an absolute one may start. A first row without the name of an image names the
/// columns: `path`, `filename`, `image` and the like, `label`, `class`, `breed` and the like, in
/// letters of any case. Without such a row the first two columns are path and class. `name` is for
/// messages. Throws DataError that names the line where a column is not known or missing, a cell is
/// empty, or a path leads out of the root, and where a column says that the list holds several
/// splits.
std::vector<ImageFile> parse_image_list(std::span<const std::uint8_t> bytes, std::string_view name,
                                        const std::string& prefix = "",
                                        const std::string& root = "");

}  // namespace tessera
