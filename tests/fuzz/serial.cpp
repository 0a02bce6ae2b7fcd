// Parallel loops without threads: fuzzers are built without OpenMP.
#include "core/parallel.h"

namespace tessera {

int num_threads() { return 1; }
void set_num_threads(int) {}
int num_parts(std::int64_t count, std::int64_t) { return count > 0 ? 1 : 0; }

void detail::run_parallel(std::int64_t count, std::int64_t, RangeBody body, void* context) {
  if (count > 0) body(context, 0, 0, count);
}

}  // namespace tessera
