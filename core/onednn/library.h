// Which oneDNN this is, and what it finds here.
#pragma once

#include <string>

namespace tessera::onednn {

/// "oneDNN 2.6.3"
std::string version();

/// 2
int major_version();

}  // namespace tessera::onednn
