// Memory of this process as the system counts it, and limits on it, so that a training that does
// not fit is told before it begins: the kernel ends one that is over its cgroup's limit without a
// word.
#pragma once

#include <cstdint>
#include <string>

namespace tessera {

/// The most memory this process has held since it started or since reset_peak_memory, in MB (2^20
/// bytes); 0 if the system does not tell.
double peak_memory_mb();

/// What it holds now, and the addresses that it has reserved, in MB; 0 if the system does not tell.
double resident_memory_mb();
double address_space_mb();

/// Counts anew from what is held now, where the system allows it.
void reset_peak_memory();

/// One line if a training that takes `bytes` beside what this process holds is over `ulimit -v` or
/// the cgroup's limit; empty if it fits, or nobody set a limit.
std::string memory_warning(std::int64_t bytes);

}  // namespace tessera
