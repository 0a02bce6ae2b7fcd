#include "core/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

int cpus_in_affinity_mask() {
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {  // the kernel refuses a mask too small
    std::vector<cpu_set_t> mask(static_cast<std::size_t>(cpus) / CPU_SETSIZE);
    const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) == 0) return CPU_COUNT_S(bytes, mask.data());
  }
  return 1;
}

/// The CPUs that a quota of `quota` microseconds in `period` microseconds is worth; neither a word
/// nor a negative number is a limit.
double cpus_of(const std::string& quota, double period) {
  char* end = nullptr;
  const double value = std::strtod(quota.c_str(), &end);
  if (end == quota.c_str() || !(value > 0.0) || !(period > 0.0)) return kNoLimit;
  return value / period;
}

/// Version 2: `cpu.max` holds quota and period.
double quota_v2(const fs::path& folder) {
  std::ifstream file(folder / "cpu.max");
  std::string quota;
  double period = 0.0;
  return file >> quota >> period ? cpus_of(quota, period) : kNoLimit;
}

/// Version 1: a file each.
double quota_v1(const fs::path& folder) {
  std::ifstream quota_file(folder / "cpu.cfs_quota_us"), period_file(folder / "cpu.cfs_period_us");
  std::string quota;
  double period = 0.0;
  return quota_file >> quota && period_file >> period ? cpus_of(quota, period) : kNoLimit;
}

/// The least that `folder` or one above it allows, up to `top`. A path that is not there is one of
/// the host's, seen from a container, whose own cgroup is mounted at `top`.
template <typename Quota>
double least_quota(const fs::path& top, const std::string& cgroup, Quota quota) {
  double least = quota(top);
  fs::path folder = top;
  for (const fs::path& part : fs::path(cgroup).relative_path()) {
    folder /= part;
    least = std::min(least, quota(folder));
  }
  return least;
}

bool names_controller(const std::string& controllers, const std::string& wanted) {
  return ("," + controllers + ",").find("," + wanted + ",") != std::string::npos;
}

}  // namespace

double cpu_quota(const fs::path& root) {
  double least = kNoLimit;
  std::ifstream cgroups(root / "proc/self/cgroup");
  const fs::path top = root / "sys/fs/cgroup";
  for (std::string line; std::getline(cgroups, line);) {  // number:controllers:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      for (const fs::path& mount : {top, top / "unified"}) {
        least = std::min(least, least_quota(mount, path, quota_v2));
      }
    } else if (names_controller(controllers, "cpu")) {
      for (const fs::path& mount : {top / "cpu", top / controllers}) {
        least = std::min(least, least_quota(mount, path, quota_v1));
      }
    }
  }
  return least;
}

int available_cpus(const fs::path& root) {
  const int cpus = cpus_in_affinity_mask();
  const double quota = std::ceil(cpu_quota(root));
  return quota < cpus ? std::max(1, static_cast<int>(quota)) : cpus;
}

}  // namespace tessera
