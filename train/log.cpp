#include "train/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/error.h"

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

}  // namespace

struct Log::Sinks {
  std::shared_ptr<spdlog::logger> file;
};

Log::Log(const std::filesystem::path& file)
    : sinks_(std::make_unique<Sinks>()), is_terminal_(can_overwrite_lines()) {
  if (file.empty()) return;
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sinks_->file = std::make_shared<spdlog::logger>("train", std::move(sink));
    sinks_->file->set_pattern("%Y-%m-%d %H:%M:%S %v");
    sinks_->file->flush_on(spdlog::level::info);
    // A full disk must not stop the run here: saving a checkpoint reports it.
    sinks_->file->set_error_handler([](const std::string&) {});
  } catch (const spdlog::spdlog_ex& error) {
    fail<CheckpointError>("{}: cannot be opened: {}", file.string(), error.what());
  }
}

Log::~Log() { status({}); }

void Log::write(std::string_view line) {
  status({});
  fmt::print(stderr, "{}\n", line);
  if (sinks_->file != nullptr) sinks_->file->info(line);
}

void Log::status(std::string_view line) {
  if (!is_terminal_ || (line.empty() && !has_status_)) return;
  fmt::print(stderr, "\r\x1b[K{}", first_columns(line, columns()));
  std::fflush(stderr);
  has_status_ = !line.empty();
}

int Log::columns() {
  constexpr int kUsual = 80;
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return (known ? int{size.ws_col} : kUsual) - 1;  // the last column: some terminals wrap at it
}

}  // namespace tessera
