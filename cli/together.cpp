#include "cli/together.h"

#include <cstdio>
#include <cstdlib>
#include <new>

#include "cli/commands.h"
#include "core/error.h"
#include "core/parallel.h"
#include "distributed/join.h"
#include "train/log.h"

namespace tessera {

Failure failure_of(const std::exception& error) {
  if (dynamic_cast<const ConfigError*>(&error) != nullptr) return {error.what(), kExitUsage};
  if (const auto* peer = dynamic_cast<const PeerError*>(&error)) {
    return {peer->what(), peer->exit_code()};
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return {"out of memory: lower data.batch_size", kExitFailed};
  }
  return {error.what(), kExitFailed};
}

int run_together(const std::function<int(Communicator& ranks)>& action) {
  const std::shared_ptr<Communicator> ranks = join_ranks();
  if (ranks->alone()) return action(*ranks);
  if (std::getenv("OMP_NUM_THREADS") == nullptr) set_num_threads(ranks->threads());
  try {
    return action(*ranks);
  } catch (const std::exception& error) {
    const Failure failure = failure_of(error);
    const bool heard = ranks->hand_over(failure.text, failure.exit_code);
    if (ranks->leads() || !heard) notice("tessera: {}", failure.text);
    std::fflush(nullptr);
    ranks->abort(failure.exit_code);
    throw;  // not reached
  }
}

}  // namespace tessera
