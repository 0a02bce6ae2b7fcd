// Limits on the memory of this process, so that a training that does not fit is told before it
// begins: the kernel ends one that is over its cgroup's limit without a word.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace tessera {

/// The least limit in bytes, if there is any, that the cgroups of a process and those above set.
/// `process` is its `/proc/PID/cgroup`, `mount` where the hierarchies are mounted; versions 1
/// and 2.
std::optional<std::int64_t> cgroup_memory_limit(
    const std::filesystem::path& process = "/proc/self/cgroup",
    const std::filesystem::path& mount = "/sys/fs/cgroup");

/// One line if a training that takes `bytes` beside what this process holds is over `ulimit -v` or
/// the cgroup's limit; empty if it fits, or nobody set a limit.
std::string memory_warning(std::int64_t bytes);

}  // namespace tessera
