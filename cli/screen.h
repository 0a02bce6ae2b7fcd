// The whole window of a terminal, taken over and given back, and what `tessera watch` shows in it.
#pragma once

#include <termios.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/plot/text_plot.h"
#include "report/run_record.h"
#include "train/run_state.h"

namespace tessera {

/// Standard output is a terminal that can move its cursor.
bool has_screen();

/// ANSI colours are wanted: there is a screen, and NO_COLOR (no-color.org) is not set.
bool wants_color();

/// Of standard output; 80 x 24 if it is no terminal.
report::TextSize screen_size();

/// While it lives, the terminal shows a second screen without a cursor, and keys are not echoed.
/// What was there comes back afterwards.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// Shows the lines, which must fit, in place of what was there.
  void show(std::span<const std::string> lines) const;

  /// Waits so long for a key, which it returns, or for a signal.
  std::optional<char> wait_key(int milliseconds) const;

 private:
  termios before_{};
  bool has_keys_ = false;
};

/// Lines that fit `size`: name, state, progress and best accuracy, then as many of the curves of
/// loss, accuracy and learning rate as there is room for. `first_rate`: images a second before
/// anything was evaluated; 0 if it is not known.
std::vector<std::string> dashboard(const report::RunRecord& record, const StatusRecord& status,
                                   const report::TextSize& size, bool color,
                                   double first_rate = 0.0);

}  // namespace tessera
