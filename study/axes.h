// The axes of a study, and the cells that its file names by them.
#pragma once

#include <vector>

#include "data/files/problems.h"
#include "study/study.h"

namespace tessera {

/// Lays the settings of `map`, whose keys may be paths (`model.patch_size`), out as a configuration
/// has them. Keys that are no paths go to `problems`.
YamlNode expand_settings(const YamlNode& map, Problems& problems);

/// The axes in the map `node`. Keys and values that no configuration has go to `problems`.
std::vector<Axis> read_axes(const YamlNode& node, Problems& problems);

/// A map of axis and value. Those that the study does not have go to `problems`.
Labels read_labels(const YamlNode& node, const std::vector<Axis>& axes, const std::string& what,
                   Problems& problems);

}  // namespace tessera
