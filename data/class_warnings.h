// What is odd about the classes of a data set whose samples are read well.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace tessera {

/// A line each: names of classes that are nearly the same, and classes of which validation has no
/// image, so that nothing tells how well they are learned. `validation` may be missing; of masks
/// and boxes only names are looked at.
std::vector<std::string> class_warnings(const Dataset& training, const Dataset* validation);

}  // namespace tessera
