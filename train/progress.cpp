#include "train/progress.h"

#include <algorithm>
#include <utility>

#include "core/profile.h"
#include "train/duration.h"

namespace tessera {

std::string progress_bar(double share, int columns) {
  constexpr int kShortest = 8, kLongest = 24;
  const int width = std::min(columns - 1, kLongest);
  if (width < kShortest) return "";
  const int full = static_cast<int>(share * width);
  std::string text;
  for (int i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text + " ";
}

Progress::Progress(Log& log, std::string what, std::int64_t total)
    : log_(log), what_(std::move(what)), total_(total), start_(seconds_now()) {}

void Progress::update(std::int64_t done) {
  const double passed = seconds_now() - start_;
  if (done < total_ && passed - last_ < (log_.is_terminal() ? kRedrawSeconds : kReportSeconds)) {
    return;
  }
  last_ = passed;
  if (done == total_) {
    log_.status({});
    return;
  }
  const double share = static_cast<double>(done) / static_cast<double>(total_);
  const std::string line = fmt::format("{}: {}/{}, {} left", what_, done, total_,
                                       duration_text(passed / share - passed));
  if (log_.is_terminal()) {
    log_.status(progress_bar(share, Log::columns() - static_cast<int>(line.size())) + line);
  } else {
    log_.info("{}", line);
  }
}

}  // namespace tessera
