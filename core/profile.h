// Time, arithmetic and memory traffic by op.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace tessera {

/// What one call of an op has to do at least: floating-point operations (a multiply-add is two) and
/// bytes read and written.
struct OpCost {
  double flops = 0.0;
  double bytes = 0.0;
};

class Profile {
 public:
  struct Entry {
    std::uint64_t calls = 0;
    double seconds = 0.0;
    double flops = 0.0;
    double bytes = 0.0;
  };

  void add(std::string_view name, double seconds, const OpCost& cost) {
    const auto found = entries_.find(name);
    Entry& entry = found != entries_.end() ? found->second : entries_[std::string(name)];
    ++entry.calls;
    entry.seconds += seconds;
    entry.flops += cost.flops;
    entry.bytes += cost.bytes;
  }

  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  void clear() { entries_.clear(); }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace tessera
