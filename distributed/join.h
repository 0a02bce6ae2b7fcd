// Becoming one of several ranks.
#pragma once

#include <memory>

#include "distributed/communicator.h"

namespace tessera {

/// The ranks that `mpirun` or `srun` has started this process with; without such a launcher, one
/// alone, and no library is asked. Throws ConfigError if there are others and the program is built
/// without MPI.
std::shared_ptr<Communicator> join_ranks();

/// Makes processes that this one starts forget that it was started as one of several.
void leave_launcher();

/// How many processes a launcher says that it has started together; 1 if there is none.
int launched_ranks();

}  // namespace tessera
