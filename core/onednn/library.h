// Which oneDNN this is, and what it finds here.
#pragma once

#include <string>

namespace tessera::onednn {

/// "oneDNN 2.6.3"
std::string version();

/// True if this CPU has instructions for bf16 dot products, so that bf16 is worth its while.
bool has_native_bf16();

}  // namespace tessera::onednn
