// Tables of image files and their classes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/sets/image_files.h"

namespace tessera {

/// The rows of a CSV or of values between tabs (`data/sets/table_file.h`), each path after
/// `prefix`. A first row that names columns says where they stand: `file`, `filename`, `path` or
/// `image`, and `label` or `class`; without one the first two columns are path and class. `name` is
/// for messages. Throws DataError that names the line where a column is missing or a cell is empty.
std::vector<ImageFile> parse_image_list(std::span<const std::uint8_t> bytes, std::string_view name,
                                        const std::string& prefix = "");

}  // namespace tessera
