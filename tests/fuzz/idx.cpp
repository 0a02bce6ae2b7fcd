// Any file, plain or gzip, is an IDX array or a DataError.
#include "data/sets/idx.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = memfd_create("fuzz", MFD_CLOEXEC);
  if (file < 0 || write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  for (const int rank : {1, 3}) {
    try {
      const tessera::IdxArray array = tessera::read_idx(path, rank);
      std::int64_t count = 1;
      for (const std::int64_t dim : array.dims) count *= dim;
      if (static_cast<std::int64_t>(array.data.size()) != count) std::abort();
    } catch (const tessera::DataError&) {
    }
  }
  close(file);
  return 0;
}
