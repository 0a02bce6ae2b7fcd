#include "train/run_folder.h"

#include <fstream>
#include <sstream>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/kernels/cpu.h"
#include "core/onednn/library.h"
#include "core/parallel.h"
#include "formats/json.h"
#include "train/config/config.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

bool is_free(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return true;
  return fs::is_directory(path, error) && fs::is_empty(path, error);
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    fail<CheckpointError>("{}: cannot be made: {}; choose another folder with --out", path.string(),
                          error.message());
  }
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

RunFolder create_run_folder(const fs::path& wanted, const fs::path& parent,
                            const std::string& name) {
  if (!wanted.empty()) {
    std::error_code ignored;
    if (fs::is_regular_file(wanted, ignored)) {
      fail<CheckpointError>("{}: is a file; choose a folder with --out", wanted.string());
    }
    if (!is_free(wanted)) {
      fail<CheckpointError>(
          "{}: is not empty; choose another folder with --out, or go on with --resume {}",
          wanted.string(), wanted.string());
    }
    make_folder(wanted);
    return {wanted};
  }
  fs::path path = parent / name;
  for (int i = 2; !is_free(path); ++i) path = parent / fmt::format("{}-{}", name, i);
  make_folder(path);
  return {path};
}

RunFolder open_run_folder(const fs::path& path) {
  const RunFolder folder{path};
  std::error_code error;
  if (!fs::exists(folder.config(), error)) {
    fail<CheckpointError>("{}: is no run's folder: it has no config.yaml", path.string());
  }
  return folder;
}

void describe_run(const RunFolder& folder, const Config& config, std::uint64_t data_hash) {
  const Json environment = {
      {"tessera", TESSERA_VERSION},
      {"compiler", fmt::format("g++ {}", __VERSION__)},
      {"onednn", onednn::version()},
      {"cpu", cpu_name()},
      {"native_bf16", has_native_bf16()},
      {"threads", num_threads()},
      {"data_hash", fmt::format("{:016x}", data_hash)},
  };
  const auto write = [](const fs::path& path, const std::string& text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
  };
  write(folder.config(), to_yaml(config));
  write(folder.environment(), json_text(environment, 2) + "\n");
}

}  // namespace tessera
