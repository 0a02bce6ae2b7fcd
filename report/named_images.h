// What the images in TensorBoard are called, and the wrong answers that are shown there.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "report/plot/picture.h"
#include "tasks/classification/meter.h"

namespace tessera::tensorboard {

/// A table in Markdown: a line of headings, then the rows. What would be read as Markdown is shown
/// as it is written.
std::string table_text(const std::vector<std::string>& headings,
                       const std::vector<std::vector<std::string>>& rows);

/// `2, 3`: row and column of the picture number `i` of a mosaic.
std::string place_text(std::size_t i, std::size_t columns);

/// What image `i` of a batch shows: its class, the shares of two that are mixed, how many boxes; or
/// nothing.
std::string target_text(const Batch& batch, std::int64_t i, const Dataset& images);

/// The wrong answers of an evaluation of which a classifier was most certain.
class WorstAnswers {
 public:
  static constexpr std::size_t kMost = 16, kColumns = 8;

  void clear() { worst_.clear(); }
  bool empty() const { return worst_.empty(); }

  /// logits [B, K] of a batch with labels.
  void add(const Tensor& logits, const Batch& batch, const Normalization& normalization);

  /// Rows of kColumns, the most certain first.
  report::Picture picture() const;

  /// Place, name, label, answer and its probability, a row each.
  std::string table(const Dataset& images) const;

 private:
  struct Answer {
    std::int64_t sample = 0;
    std::int64_t label = 0;
    Prediction prediction;
    report::Picture picture;
  };

  std::vector<Answer> worst_;
};

}  // namespace tessera::tensorboard
