#include "core/profile.h"

#include <chrono>

namespace tessera {

void Profile::add(std::string_view name, double seconds, const OpCost& cost) {
  const auto found = entries_.find(name);
  Entry& entry = found != entries_.end() ? found->second : entries_[std::string(name)];
  ++entry.calls;
  entry.seconds += seconds;
  entry.flops += cost.flops;
  entry.bytes += cost.bytes;
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace tessera
