// What a person should know of the files of a data set, beside those that are its samples.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "files/file_source.h"

namespace tessera {

/// Lines for messages. A problem is something that was meant to be read and is not; a note tells
/// what is left out on purpose.
struct Findings {
  std::vector<std::string> problems;
  std::vector<std::string> notes;
};

/// Adds what of `folder` is not read: links to nothing, pipes and the like, images of formats that
/// are not read, other files, hidden ones and litter. Each kind is one line, with its count and the
/// first few names.
void add_unread(const std::string& place, const std::vector<LeftOut>& left_out,
                const std::vector<std::string>& other_files, Findings& findings);

/// `1 ONE: "a"`, `2 MANY: "a", "b"`, or with `...` where there are more names than a line should
/// hold.
std::string counted_names(const std::vector<std::string>& names, std::string_view one,
                          std::string_view many);

}  // namespace tessera
