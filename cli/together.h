// How the program ends on an error, alone or as one of several ranks.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "distributed/communicator.h"

namespace tessera {

/// What the program says of an error, one line, and what it ends with.
struct Failure {
  std::string text;
  int exit_code;
};
Failure failure_of(const std::exception& error);

/// Runs `action` as one of the ranks that a launcher has started, with the threads that are its
/// share, and returns its exit code. Where it throws on one of several, all of them end at once,
/// and one says why in one line; alone, the error is the caller's.
int run_together(const std::function<int(Communicator& ranks)>& action);

}  // namespace tessera
