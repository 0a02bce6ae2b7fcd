#include "core/memory_limit.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace tessera {
namespace {

namespace fs = std::filesystem;

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

std::int64_t machine_memory() {
  const std::int64_t physical =
      std::int64_t{::sysconf(_SC_PHYS_PAGES)} * std::int64_t{::sysconf(_SC_PAGESIZE)};
  return std::min(physical, cgroup_memory_limit().value_or(physical));
}

}  // namespace tessera
