// What a run says about itself: to standard error, and with the time in front to `train.log`.
#pragma once

#include <fmt/core.h>

#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "core/atomic_file.h"
#include "core/text.h"

namespace tessera {

/// A line to standard error, in which nothing steers the terminal, whatever names are in it. Like
/// everything here it throws nothing when that cannot be written: what is said about the work is
/// not worth ending it.
template <typename... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
  write_error_text(printable(fmt::format(format, std::forward<Args>(args)...)) + "\n");
}

class Log {
 public:
  /// To standard error only, or also to the end of `file`. Throws CheckpointError if it cannot be
  /// opened.
  explicit Log(const std::filesystem::path& file = {});
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    write(fmt::format(format, std::forward<Args>(args)...));
  }

  /// A line that is overwritten by the next, on a terminal only; cut to what fits there, since a
  /// line that wraps cannot be overwritten. Empty: takes it away.
  void status(std::string_view line);

  /// Standard error is a terminal that can overwrite a line.
  bool is_terminal() const { return is_terminal_; }

  /// Columns that a status line may fill; the terminal may be resized at any time.
  static int columns();

 private:
  void write(std::string_view line);

  std::optional<AppendFile> file_;
  bool is_terminal_ = false;
  bool has_status_ = false;
};

}  // namespace tessera
