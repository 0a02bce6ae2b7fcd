// How many CPUs are ours to use: a container or a batch system gives fewer than the machine has.
#pragma once

#include <filesystem>

namespace tessera {

/// CPUs that the quota of this process's cgroup and of those above it pay for (version 1 and 2);
/// infinity without one. `root` is where /proc and /sys are looked for.
double cpu_quota(const std::filesystem::path& root = "/");

/// CPUs that this process may keep busy, at least 1: those of its affinity mask, or as many as its
/// quota pays for, a part of one counted as one.
int available_cpus(const std::filesystem::path& root = "/");

}  // namespace tessera
