#include "train/process_memory.h"

#include <fstream>
#include <sstream>
#include <string>

namespace tessera {

namespace {

double status_mb(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    double kilobytes = 0.0;
    if (words >> name && name == wanted && words >> kilobytes) return kilobytes / 1024.0;
  }
  return 0.0;
}

}  // namespace

// Not getrusage: what that calls a process includes the one that started it, up to the moment the
// program was loaded.
double peak_memory_mb() { return status_mb("VmHWM:"); }
double resident_memory_mb() { return status_mb("VmRSS:"); }
double address_space_mb() { return status_mb("VmSize:"); }

void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace tessera
