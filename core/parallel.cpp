#include "core/parallel.h"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>

#include "core/machine.h"

namespace tessera {

int num_threads() { return omp_get_max_threads(); }

// oneDNN plans for as many threads as it is told of, and waits for them whether they come or not.
void set_num_threads(int threads) {
  omp_set_dynamic(0);
  omp_set_num_threads(std::clamp(threads, 1, omp_get_thread_limit()));
}

void use_available_cpus() {
  set_num_threads(std::getenv("OMP_NUM_THREADS") == nullptr ? available_cpus() : num_threads());
}

void restart_with_short_waits(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  std::array<char, 4096> program{};
  // The link's target, not the link itself: the process keeps its name.
  if (readlink("/proc/self/exe", program.data(), program.size() - 1) <= 0) return;
  setenv("GOMP_SPINCOUNT", "1000", /*overwrite=*/1);
  execv(program.data(), argv);  // if it fails, the program runs on with long waits
}

int num_parts(std::int64_t count, std::int64_t grain) {
  if (count <= 0) return 0;
  const int threads = omp_in_parallel() != 0 ? 1 : num_threads();
  const std::int64_t parts = count / std::max<std::int64_t>(1, grain);
  return static_cast<int>(std::clamp<std::int64_t>(parts, 1, threads));
}

namespace detail {

void run_parallel(std::int64_t count, std::int64_t grain, RangeBody body, void* context) {
  const int parts = num_parts(count, grain);
  if (parts <= 1) {
    if (count > 0) body(context, 0, 0, count);
    return;
  }
  // No exception may leave the parallel region: the first is carried out of it.
  std::exception_ptr error;
#pragma omp parallel for num_threads(parts) schedule(static, 1)
  for (int part = 0; part < parts; ++part) {
    try {
      body(context, part, count * part / parts, count * (part + 1) / parts);
    } catch (...) {
#pragma omp critical
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace tessera
