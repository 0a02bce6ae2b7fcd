// The confusion matrix, as SVG.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/plot/drawing.h"

namespace tessera::report {

/// What stands in the cells.
enum class MatrixNumbers : std::uint8_t { kCount, kPercent };

/// `counts` [K, K] of as many classes as there are names. Rows are classes, columns what the model
/// took them for; a cell's strength is its share of the row: blue on the diagonal, orange beside
/// it, there four times as strong so that a mistake of a quarter is as strong as can be. Numbers
/// stand in the cells of up to 20 classes.
Drawing draw_confusion(const std::vector<std::int64_t>& counts,
                       const std::vector<std::string>& names,
                       MatrixNumbers numbers = MatrixNumbers::kCount);

}  // namespace tessera::report
