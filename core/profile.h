// Time, arithmetic and memory traffic by op.
#pragma once

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

  void add(std::string_view name, double seconds, const OpCost& cost);

  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  void clear() { entries_.clear(); }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

/// Of a clock that never goes back.
double seconds_now();

}  // namespace tessera
