#include "train/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>

#include "core/error.h"

namespace tessera {

struct Log::Sinks {
  std::shared_ptr<spdlog::logger> file;
};

Log::Log(const std::filesystem::path& file)
    : sinks_(std::make_unique<Sinks>()), is_terminal_(isatty(STDERR_FILENO) == 1) {
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
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  has_status_ = !line.empty();
}

}  // namespace tessera
