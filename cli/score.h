// The two halves of `tessera score`.
#pragma once

#include <cstdint>
#include <string>

namespace tessera {

struct ScoreOptions {
  std::string truth;
  std::string predictions;
  std::int64_t classes = 0;  ///< of masks; 0: up to the largest value there is
  std::int32_t ignored = 255;
  bool json = false;
};

/// Folders of index PNGs. Throws DataError.
void score_masks(const ScoreOptions& options);

/// COCO's JSON. Throws DataError.
void score_boxes(const ScoreOptions& options);

}  // namespace tessera
