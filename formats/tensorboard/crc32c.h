// The checksum of TensorBoard's files.
#pragma once

#include <cstdint>
#include <string_view>

namespace tessera::tensorboard {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), rotated and shifted as in TFRecord files, so that a
/// checksum of data that holds checksums stays a good one.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace tessera::tensorboard
