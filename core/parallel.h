// Loops over all cores. The only place that knows OpenMP is parallel.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

/// Compiles a leaf function twice, for AVX2 and for AVX-512, and picks one when the program starts.
/// Helpers called from it must be TESSERA_INLINE to be compiled along. The thread sanitizer cannot
/// have it: what picks runs before the sanitizer does.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define TESSERA_KERNEL __attribute__((target_clones("default", "arch=x86-64-v4")))
#else
#define TESSERA_KERNEL
#endif
#define TESSERA_ALWAYS_INLINE __attribute__((always_inline))  // for lambdas
#define TESSERA_INLINE inline TESSERA_ALWAYS_INLINE

namespace tessera {

/// Threads a parallel loop uses; set once at the start from `train.threads`. No more than OpenMP is
/// allowed, by OMP_THREAD_LIMIT for one.
int num_threads();
void set_num_threads(int threads);

/// As many threads as the CPUs that are ours (core/machine.h), unless OMP_NUM_THREADS says
/// otherwise: the OpenMP runtime heeds affinity, not the quota of a container. For the start of a
/// program.
void use_available_cpus();

/// Makes threads that wait for each other sleep after microseconds instead of spinning for
/// milliseconds, which would stall a training run as soon as another process wants a core. The
/// OpenMP runtime reads this only when a process starts, so the program is started again in place
/// with GOMP_SPINCOUNT set; nothing happens if that or OMP_WAIT_POLICY is set already.
void restart_with_short_waits(char** argv);

namespace detail {
using RangeBody = void (*)(void* context, int part, std::int64_t begin, std::int64_t end);
void run_parallel(std::int64_t count, std::int64_t grain, RangeBody body, void* context);
}  // namespace detail

/// Number of parts that parallel_parts splits `count` items into; at most num_threads().
int num_parts(std::int64_t count, std::int64_t grain);

/// Calls `body(part, begin, end)` for disjoint ranges covering [0, count), each at least `grain`
/// items long, one range a thread. The split depends only on count, grain and num_threads(), so
/// that partial sums kept by part are added in a fixed order. What a body throws is thrown here.
template <typename Body>
void parallel_parts(std::int64_t count, std::int64_t grain, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_parallel(
      count, grain,
      [](void* context, int part, std::int64_t begin, std::int64_t end) {
        (*static_cast<Plain*>(context))(part, begin, end);
      },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

/// Calls `body(begin, end)` for disjoint ranges covering [0, count).
template <typename Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
  parallel_parts(count, grain,
                 [&body](int, std::int64_t begin, std::int64_t end) { body(begin, end); });
}

}  // namespace tessera
