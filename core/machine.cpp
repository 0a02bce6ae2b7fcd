#include "core/machine.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "core/kernels/vector_kernels.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/tensor.h"

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

namespace {

// Best rate of all threads together, in 1e9 operations a second.
double best_rate(double seconds, double (*chains)(float* result)) {
  constexpr std::int64_t kStride = 64;  // floats: threads write to cache lines of their own
  const int threads = num_threads();
  std::vector<float> results(static_cast<std::size_t>(threads * kStride));
  double best = 0.0;
  const double end = seconds_now() + seconds;
  do {
    double work = 0.0;
    const double start = seconds_now();
    parallel_parts(threads, 1, [&](int part, std::int64_t, std::int64_t) {
      const double done = chains(results.data() + part * kStride);
      if (part == 0) work = done;
    });
    best = std::max(best, work * threads / (seconds_now() - start) * 1e-9);
  } while (seconds_now() < end);
  return best;
}

}  // namespace

double measure_peak_gflops(double seconds) {
  return best_rate(seconds, vector_kernels().peak->multiply_adds);
}

double measure_bf16_peak_gflops(double seconds) {
  const auto dots = vector_kernels().peak->bf16_dots;
  return dots == nullptr ? 0.0 : best_rate(seconds, dots);
}

double measure_int8_peak_gflops(double seconds) {
  const auto dots = vector_kernels().peak->int8_dots;
  return dots == nullptr ? 0.0 : best_rate(seconds, dots);
}

double measure_stream_gbytes(double seconds) {
  constexpr std::int64_t kFloats = std::int64_t{1} << 26;
  const Tensor from = Tensor::zeros({kFloats}), to = Tensor::zeros({kFloats});
  double best = 0.0;
  const double end = seconds_now() + seconds;
  do {
    const double start = seconds_now();
    to.copy_from(from);
    best = std::max(best, 2.0 * static_cast<double>(from.bytes()) / (seconds_now() - start) * 1e-9);
  } while (seconds_now() < end);
  return best;
}

}  // namespace tessera
