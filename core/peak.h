// What the machine can do at most, measured now: the yardstick of benchmarks.
#pragma once

namespace tessera {

/// GFLOP/s of f32 fused multiply-adds in registers, on all threads of num_threads() together: the
/// best of several short runs over about `seconds`.
double measure_peak_gflops(double seconds = 0.5);

/// The same of bf16 dot products with f32 sums; 0 if the CPU has no such instruction.
double measure_bf16_peak_gflops(double seconds = 0.5);

/// GB/s of copying memory far larger than the caches, bytes read and written counted, on all
/// threads.
double measure_stream_gbytes(double seconds = 0.5);

}  // namespace tessera
