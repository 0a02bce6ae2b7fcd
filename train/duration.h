// Seconds as a person reads them.
#pragma once

#include <string>

namespace tessera {

/// `2:03`, from an hour on `1:02:03`.
std::string duration_text(double seconds);

}  // namespace tessera
