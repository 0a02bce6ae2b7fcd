#include "train/log.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <string>

namespace tessera {
namespace {

bool can_overwrite_lines() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

/// The first `columns` characters of UTF-8 text, each one column wide.
std::string_view first_columns(std::string_view text, int columns) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(text[i]) & 0xc0u) != 0x80u;
    if (starts && columns-- == 0) return text.substr(0, i);
  }
  return text;
}

/// `2026-01-31 12:00:00`, local time.
std::string time_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local)};
}

}  // namespace

Log::Log(const std::filesystem::path& file) : is_terminal_(can_overwrite_lines()) {
  if (!file.empty()) file_.emplace(file);
}

Log::~Log() { status({}); }

void Log::write(std::string_view line) {
  status({});
  notice("{}", line);
  if (!file_) return;
  file_->append(fmt::format("{} {}\n", time_text(), printable(line)));
  // A full disk must not stop the run here: saving a checkpoint reports it.
  if (!file_->flush()) file_->drop();
}

void Log::status(std::string_view line) {
  if (!is_terminal_ || (line.empty() && !has_status_)) return;
  write_error_text(fmt::format("\r\x1b[K{}", first_columns(printable(line), columns())));
  has_status_ = !line.empty();
}

int Log::columns() {
  constexpr int kUsual = 80;
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return (known ? int{size.ws_col} : kUsual) - 1;  // the last column: some terminals wrap at it
}

}  // namespace tessera
