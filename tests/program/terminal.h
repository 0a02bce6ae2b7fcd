// Whether tests can have a terminal.
#pragma once

#include <pty.h>
#include <unistd.h>

namespace tessera::test {

/// False in a root where /dev/pts is not mounted.
inline bool has_terminals() {
  int master = -1, terminal = -1;
  if (::openpty(&master, &terminal, nullptr, nullptr, nullptr) != 0) return false;
  ::close(master);
  ::close(terminal);
  return true;
}

}  // namespace tessera::test
