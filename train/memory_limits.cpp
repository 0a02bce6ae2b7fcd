#include "train/memory_limits.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <fstream>
#include <sstream>
#include <string>

#include "core/memory_limit.h"

namespace tessera {
namespace {

double status_mb(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    double kilobytes = 0.0;
    if (words >> name && name == wanted && words >> kilobytes) return kilobytes / 1024.0;
  }
  return 0.0;
}

}  // namespace

// Not getrusage: what that calls a process includes the one that started it, up to the moment the
// program was loaded.
double peak_memory_mb() { return status_mb("VmHWM:"); }
double resident_memory_mb() { return status_mb("VmRSS:"); }
double address_space_mb() { return status_mb("VmSize:"); }

void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

namespace {

constexpr double kMegabyte = 1048576.0;

}  // namespace

std::string memory_warning(std::int64_t bytes) {
  const auto warning = [&](double limit, double held, const char* what, const char* end) {
    const double wanted = static_cast<double>(bytes) / kMegabyte + held;
    if (wanted <= limit) return std::string();
    return fmt::format(
        "memory: the plan comes to {:.0f} MB beside {:.0f} MB in use, {} allows {:.0f} MB: {}; "
        "lower data.batch_size and raise data.accumulate",
        static_cast<double>(bytes) / kMegabyte, held, what, limit, end);
  };
  if (const auto limit = cgroup_memory_limit()) {
    const std::string text = warning(static_cast<double>(*limit) / kMegabyte, resident_memory_mb(),
                                     "the cgroup", "the kernel will end the run without a word");
    if (!text.empty()) return text;
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
  return warning(static_cast<double>(limit.rlim_cur) / kMegabyte, address_space_mb(), "ulimit -v",
                 "the run will end, perhaps inside oneDNN");
}

}  // namespace tessera
