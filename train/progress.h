// How far a long count has come.
#pragma once

#include <cstdint>
#include <string>

#include "train/log.h"

namespace tessera {

inline constexpr double kReportSeconds = 30.0;  ///< between lines where there is no terminal
inline constexpr double kRedrawSeconds = 0.1;   ///< between redraws where there is one

/// A bar and the blank after it in at most `columns`; nothing where it would be too short to read.
std::string progress_bar(double share, int columns);

/// A status line with a bar on a terminal; elsewhere a plain line every 30 seconds.
class Progress {
 public:
  /// `what` is done `total` times.
  Progress(Log& log, std::string what, std::int64_t total);

  void update(std::int64_t done);

 private:
  Log& log_;
  std::string what_;
  std::int64_t total_;
  double start_;
  double last_ = 0.0;  ///< seconds from the start to the last line
};

}  // namespace tessera
