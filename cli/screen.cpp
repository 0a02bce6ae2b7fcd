#include "cli/screen.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "report/sections.h"
#include "train/metrics_file.h"
#include "train/readable.h"

namespace tessera {
namespace {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

bool has_screen() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool wants_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return has_screen() && (no_color == nullptr || *no_color == '\0');
}

report::TextSize screen_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {.columns = size.ws_col, .rows = size.ws_row};
}

Screen::Screen() {
  has_keys_ = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0;
  if (has_keys_) {
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VSUSP] = _POSIX_VDISABLE;  // suspended or quit, the terminal would stay as it is
    keys.c_cc[VQUIT] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys);
  }
  print("\x1b[?1049h\x1b[?25l\x1b[2J");
}

Screen::~Screen() {
  print("\x1b[?25h\x1b[?1049l");
  if (has_keys_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

void Screen::show(std::span<const std::string> lines) const {
  std::string text = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text += (i > 0 ? "\r\n" : "") + lines[i] + "\x1b[K";
  }
  print(text + "\x1b[J");
}

std::optional<char> Screen::wait_key(int milliseconds) const {
  pollfd keys{.fd = has_keys_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
  if (::poll(&keys, 1, milliseconds) <= 0) return std::nullopt;
  char key = 0;
  if (::read(STDIN_FILENO, &key, 1) != 1) return 'q';  // the terminal is gone
  return key;
}

namespace {

using report::RunRecord;
using report::TextSize;

constexpr int kLeastRows = 6, kLeastColumns = 30;  // of a plot
constexpr int kBesideColumns = 110;  // from here on loss and accuracy stand side by side

const char* color_of(RunState state) {
  switch (state) {
    case RunState::kRunning:
      return "s2";
    case RunState::kFinished:
      return "s0";
    case RunState::kFailed:
      return "s5";
    case RunState::kNew:
    case RunState::kStopped:
      break;
  }
  return "s1";
}

/// `best top-1 83.12 % (epoch 2)`; nothing before the first evaluation.
std::string best_text(const RunRecord& record) {
  const std::string& by = record.config.train.best_by;
  BestEvaluation evaluations(by);
  for (const EvaluationRecord& evaluation : record.evaluations) evaluations.add(evaluation);
  const auto& best = evaluations.best();
  if (!best) return "";
  return fmt::format("   best {} {} (epoch {})", title_of_metric(by),
                     text_of_metric(named_metric(by, evaluations.measure(*best))), best->epoch);
}

/// `epoch 3/10   update 1200/4000   1831 images/s   0:48 left`
std::string progress(const RunRecord& record, const StatusRecord& status, double first_rate) {
  const std::int64_t epoch = record.updates.empty() ? 0 : record.updates.back().epoch;
  std::string text =
      fmt::format("epoch {}/{}   update {}", epoch, record.config.train.epochs, record.step());
  if (status.total_steps > 0) text += fmt::format("/{}", status.total_steps);
  const double rate = record.timing.empty() ? first_rate : record.timing.back().images_per_s;
  if (rate <= 0.0) return text;
  text += fmt::format("   {:.{}f} images/s", rate, rate < 10.0 ? 1 : 0);
  if (status.state != RunState::kRunning || status.total_steps == 0) return text;
  const auto images =
      static_cast<double>((status.total_steps - record.step()) * record.config.data.batch_size *
                          record.config.data.accumulate);
  return text + fmt::format("   {} of training left", duration_text(images / rate));
}

/// The first `columns` characters; colours take none.
std::string cut(const std::string& text, int columns) {
  std::string kept;
  int used = 0;
  bool escaped = false;
  for (const char c : text) {
    escaped |= c == '\x1b';
    const bool starts = !escaped && (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
    if (starts && ++used > columns)
      return kept + (kept.find('\x1b') == std::string::npos ? "" : "\x1b[0m");
    kept += c;
    if (escaped && c == 'm') escaped = false;
  }
  return kept;
}

void add_plot(std::vector<std::string>& lines, const report::Plot& plot, const TextSize& size,
              bool color) {
  for (std::string& line : report::draw_text(plot, size, color)) lines.push_back(std::move(line));
}

/// Two plots in the same lines.
void add_plots(std::vector<std::string>& lines, const report::Plot& left, const report::Plot& right,
               const TextSize& size, bool color) {
  constexpr int kGap = 3;
  const TextSize half{.columns = (size.columns - kGap) / 2, .rows = size.rows};
  const std::vector<std::string> a = report::draw_text(left, half, color);
  const std::vector<std::string> b = report::draw_text(right, half, color);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int room = half.columns - report::text_columns(a[i]) + kGap;
    lines.push_back(a[i] + std::string(static_cast<std::size_t>(std::max(0, room)), ' ') + b[i]);
  }
}

}  // namespace

std::vector<std::string> dashboard(const RunRecord& record, const StatusRecord& status,
                                   const TextSize& size, bool color, double first_rate) {
  std::vector<std::string> lines = {
      fmt::format("{}   {}{}{}", report::colored(record.name, "bold", color),
                  report::colored(state_text(status), color_of(status.state), color),
                  status.reason.empty() ? "" : ": " + status.reason, best_text(record)),
      progress(record, status, first_rate)};
  const int rows = size.rows - static_cast<int>(lines.size());
  if (!record.updates.empty() && rows >= kLeastRows && size.columns >= kLeastColumns) {
    const report::Curves curves = report::curves_of(record);
    if (size.columns >= kBesideColumns) {
      const bool both = rows >= 2 * kLeastRows;
      const int lower = both ? std::max(kLeastRows, rows / 3) : 0;
      add_plots(lines, curves.loss, curves.main, {size.columns, rows - lower}, color);
      if (both) {
        add_plots(lines, curves.learning_rate,
                  curves.training_loss ? *curves.training_loss : curves.gradient_norm,
                  {size.columns, lower}, color);
      }
    } else {
      const int count = std::min(3, rows / kLeastRows);
      const report::Plot* plots[] = {
          &curves.loss, &curves.main,
          curves.training_loss ? &*curves.training_loss : &curves.learning_rate};
      for (int i = 0; i < count; ++i) {
        add_plot(lines, *plots[i], {size.columns, rows / count + (i < rows % count ? 1 : 0)},
                 color);
      }
    }
  }
  for (std::string& line : lines) line = cut(line, size.columns);
  if (static_cast<int>(lines.size()) > size.rows) lines.resize(static_cast<std::size_t>(size.rows));
  return lines;
}

}  // namespace tessera
