#include "train/build_info.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "core/kernels/cpu.h"
#include "core/onednn/library.h"
#include "core/parallel.h"

namespace tessera {
namespace {

std::string& commit_of_program() {
  static std::string commit;
  return commit;
}

}  // namespace

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

void set_program_commit(const std::string& commit) { commit_of_program() = commit; }

const std::string& program_commit() { return commit_of_program(); }

std::string version_text(const std::string& commit) {
  return fmt::format("tessera {}{}\ng++ {}, {}\n{}\nkernels {}, bf16 {}, {} thread{}",
                     TESSERA_VERSION, commit.empty() ? "" : " (commit " + commit + ")", __VERSION__,
                     onednn::version(), cpu_name(), name_of(best_vector_target()),
                     has_native_bf16() ? "native" : "emulated", num_threads(),
                     num_threads() == 1 ? "" : "s");
}

}  // namespace tessera
