// Figures of masks as `score` and `eval` show them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tasks/segmentation/boundary.h"
#include "tasks/segmentation/confusion.h"

namespace tessera {

struct MaskScores {
  Confusion confusion;
  BoundaryScore boundary;
  std::int64_t images = 0;

  MaskScores(std::int64_t classes, std::int32_t ignored)
      : confusion(classes, ignored), boundary(classes, 3, ignored) {}
  MaskScores(Confusion pixels, BoundaryScore borders, std::int64_t count)
      : confusion(std::move(pixels)), boundary(std::move(borders)), images(count) {}
};

/// Of the first classes, as many as there are `names`; shares are 0..1, null where there is none.
nlohmann::ordered_json to_json(const MaskScores& scores, const std::vector<std::string>& names);

/// A line of the whole and a table of the classes, on stdout.
void print(const MaskScores& scores, const std::vector<std::string>& names);

}  // namespace tessera
