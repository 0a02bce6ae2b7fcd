// TensorBoard's event files: length, checksum, Event message, checksum; one after the other
// (tensorboard/compat/proto/event.proto in TFRecord framing).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "core/atomic_file.h"
#include "formats/tensorboard/summary.h"

namespace tessera::tensorboard {

/// The events of a run, or of the rest of a run that is resumed.
class EventFile {
 public:
  /// A new file in `folder`, which is made if needed in one that is there, for events after update
  /// `step`. A TensorBoard that is watching drops what it has read of later ones. Throws
  /// CheckpointError.
  EventFile(const std::filesystem::path& folder, std::int64_t step);

  void append(std::int64_t step, const Summary& summary);

  /// Makes what was appended survive a crash. Throws CheckpointError if the disk is full.
  void sync() { file_.sync(); }

 private:
  void write(std::string_view event);

  AppendFile file_;
  double flushed_ = 0.0;  ///< when readers last got everything
};

/// Cuts the event files in `folder` before the first event of a step after `step`, or where a crash
/// tore them, and removes those that hold nothing else. A missing folder is left missing. Throws
/// CheckpointError.
void truncate_events(const std::filesystem::path& folder, std::int64_t step);

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), rotated and shifted as in TFRecord files, so that a
/// checksum of data that holds checksums stays a good one.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace tessera::tensorboard
