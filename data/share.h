// Which part of the work of a loader one of several processes does.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera {

/// What one of several processes loads: of each batch its part, so that all parts are together the
/// batch that one process would have loaded, to the bit; or every so many batches a whole one.
struct Share {
  int rank = 0;
  int ranks = 1;
  bool of_each_batch = true;
};

/// The places in a batch of `size` images that are the part of `share`; if it is mixed, both images
/// of each pair, see mix_images, in an order in which they are a pair of the part too. Throws
/// ConfigError if that is none.
std::vector<std::int64_t> places_of(const Share& share, std::int64_t size, bool mixed);

}  // namespace tessera
