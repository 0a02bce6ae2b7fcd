// Another number of threads for a while.
#pragma once

#include "core/parallel.h"

namespace tessera::test {

/// Sets the number of threads as long as it lives.
class Threads {
 public:
  explicit Threads(int threads) : before_(num_threads()) { set_num_threads(threads); }
  ~Threads() { set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace tessera::test
