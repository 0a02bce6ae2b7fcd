#include "data/share.h"

#include "core/error.h"

namespace tessera {

std::vector<std::int64_t> places_of(const Share& share, std::int64_t size, bool mixed) {
  const std::int64_t units = mixed ? (size + 1) / 2 : size;  // an odd one is a pair with itself
  const std::int64_t first = units * share.rank / share.ranks;
  const std::int64_t end = units * (share.rank + 1) / share.ranks;
  if (first == end) {
    fail<ConfigError>(
        "data.batch_size {}: too small for {} ranks{}; start fewer ranks or take a larger batch",
        size, share.ranks, mixed ? ", which need two images each as mixup and cutmix are on" : "");
  }
  std::vector<std::int64_t> places;
  for (std::int64_t place = first; place < end; ++place) places.push_back(place);
  for (std::int64_t pair = end; mixed && pair-- > first;) {
    if (size - 1 - pair != pair) places.push_back(size - 1 - pair);
  }
  return places;
}

}  // namespace tessera
