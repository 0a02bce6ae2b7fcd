// This program, started once more beside this process: what goes wrong there goes wrong there
// alone.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct ChildResult {
  int code = -1;      ///< exit code, if no signal ended it
  int signal = 0;     ///< that ended it, or 0
  std::string out;    ///< standard output
  std::string error;  ///< the last line of standard error

  bool succeeded() const { return signal == 0 && code == 0; }

  /// Why it did not, in one line: what it said itself, if it did.
  std::string reason() const;
};

/// Runs `tessera ARGUMENTS...` to its end. `on_line` is called with each line of its standard
/// error. Signals that SignalGuard heeds are handed on to it; if this process dies, it dies too.
/// Throws Error if it cannot be started.
ChildResult run_child(const std::vector<std::string>& arguments,
                      const std::function<void(std::string_view)>& on_line = {});

}  // namespace tessera
