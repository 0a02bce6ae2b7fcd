// How much memory this process may take.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace tessera {

/// The least limit in bytes, if there is any, that the cgroups of a process and those above set.
/// `process` is its `/proc/PID/cgroup`, `mount` where the hierarchies are mounted; versions 1
/// and 2.
std::optional<std::int64_t> cgroup_memory_limit(
    const std::filesystem::path& process = "/proc/self/cgroup",
    const std::filesystem::path& mount = "/sys/fs/cgroup");

/// Bytes of the machine, or of the cgroup where that has fewer.
std::int64_t machine_memory();

}  // namespace tessera
