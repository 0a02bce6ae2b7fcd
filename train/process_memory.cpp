#include "train/process_memory.h"

#include <fstream>
#include <sstream>
#include <string>

namespace tessera {

// Not getrusage: what that calls a process includes the one that started it, up to the moment the
// program was loaded.
double peak_memory_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    double kilobytes = 0.0;
    if (words >> name && name == "VmHWM:" && words >> kilobytes) return kilobytes / 1024.0;
  }
  return 0.0;
}

void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace tessera
