// What this machine gives: CPUs that are ours to use (a container or a batch system gives fewer
// than it has), and what it can do at most, measured now, the yardstick of benchmarks.
#pragma once

#include <filesystem>

namespace tessera {

/// CPUs that the quota of this process's cgroup and of those above it pay for (version 1 and 2);
/// infinity without one. `root` is where /proc and /sys are looked for.
double cpu_quota(const std::filesystem::path& root = "/");

/// CPUs that this process may keep busy, at least 1: those of its affinity mask, or as many as its
/// quota pays for, a part of one counted as one.
int available_cpus(const std::filesystem::path& root = "/");

/// GFLOP/s of f32 fused multiply-adds in registers, on all threads of num_threads() together: the
/// best of several short runs over about `seconds`.
double measure_peak_gflops(double seconds = 0.5);

/// The same of bf16 products with f32 sums, of tiles where the CPU has them, else of vectors; 0 if
/// it has neither.
double measure_bf16_peak_gflops(double seconds = 0.5);

/// The same of dot products of 8-bit integers.
double measure_int8_peak_gflops(double seconds = 0.5);

/// GB/s of copying memory far larger than the caches, bytes read and written counted, on all
/// threads.
double measure_stream_gbytes(double seconds = 0.5);

}  // namespace tessera
