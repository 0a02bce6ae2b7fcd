// Finding the files of a dense data set.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_config.h"
#include "files/file_source.h"

namespace tessera {

/// data.root opened. Throws DataError if it is not set.
std::shared_ptr<const FileSource> open_root(const DataConfig& config);

/// A path below the root with the root before it, as a message may show it.
std::string shown_path(const FileSource& files, const std::string& path = "");

/// The folder of the data set: the root or, as in many archives, the only folder in it, and so on,
/// until one of `folders` is there; "" if none is found.
std::string find_base(const FileSource& files, std::span<const std::string> folders);

/// Whether the ending of a name is one of an image that can be read.
bool has_image_ending(std::string_view path);

/// The path below `folder` without the ending, by which an image and what belongs to it are known.
std::string stem_below(std::string_view path, std::string_view folder);

/// data.classes, else the lines of `classes.txt` in `base`; empty if there is neither.
std::vector<std::string> listed_classes(const FileSource& files, const DataConfig& config,
                                        const std::string& base);

/// The same classes. Throws DataError if there are none or a name cannot be shown.
std::vector<std::string> checked_classes(std::vector<std::string> classes,
                                         const std::string& place);

/// Lines of a text that are not empty, without space around them.
std::vector<std::string> lines_of(std::span<const std::uint8_t> bytes);

/// A list that lies below the root or is a file of its own. Throws DataError.
std::vector<std::uint8_t> read_listed(const FileSource& files, const std::string& list);

}  // namespace tessera
