#include "train/memory_limits.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

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

namespace fs = std::filesystem;

constexpr double kMegabyte = 1048576.0;

/// A number in a file; nothing for `max`, or for what version 1 calls no limit.
std::optional<std::int64_t> number_in(const fs::path& path) {
  constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max() / 2;
  std::ifstream file(path);
  std::int64_t value = 0;
  if (!(file >> value) || value <= 0 || value > kNoLimit) return std::nullopt;
  return value;
}

void lower(std::optional<std::int64_t>& least, const std::optional<std::int64_t>& value) {
  if (value) least = std::min(least.value_or(*value), *value);
}

/// What `group` and those above it set. In a container the names below the mount may be missing.
std::optional<std::int64_t> limit_of(const fs::path& mount, fs::path group, const char* file) {
  std::optional<std::int64_t> least;
  for (group = group.relative_path(); !group.empty(); group = group.parent_path()) {
    lower(least, number_in(mount / group / file));
  }
  lower(least, number_in(mount / file));
  return least;
}

}  // namespace

std::optional<std::int64_t> cgroup_memory_limit(const fs::path& process, const fs::path& mount) {
  std::optional<std::int64_t> least;
  std::ifstream file(process);
  for (std::string line; std::getline(file, line);) {  // hierarchy:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    const fs::path group = line.substr(second + 1);
    if (controllers == ",,") lower(least, limit_of(mount, group, "memory.max"));
    if (controllers.find(",memory,") != std::string::npos) {
      lower(least, limit_of(mount / "memory", group, "memory.limit_in_bytes"));
    }
  }
  return least;
}

std::int64_t machine_memory_bytes() {
  const std::int64_t all = std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  return std::min(all, cgroup_memory_limit().value_or(all));
}

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
