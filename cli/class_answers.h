// What a classifier says of every image of a split, by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/evaluate.h"

namespace tessera {

/// Throws ConfigError, which says what `instead` does, unless the model at `path` is a classifier.
void require_classifier(const Config& config, const std::string& command, const std::string& path,
                        const std::string& instead);

struct ClassAnswer {
  std::string image;  ///< sample_name of the data set
  std::int64_t label = 0;
  std::vector<float> probabilities;  ///< [K]

  std::int64_t predicted() const;  ///< the likeliest class, the first of equal ones
  double confidence() const { return double{probabilities[static_cast<std::size_t>(predicted())]}; }
  bool is_right() const { return predicted() == label; }
};

/// Appends the answers of each batch that an evaluation visits. `dataset` and `answers` must
/// outlive it.
VisitBatch collect_answers(const Dataset& dataset, std::vector<ClassAnswer>& answers);

/// A CSV file: image, label, predicted, probability, and the probability of every class under its
/// name. Throws CheckpointError if it cannot be written.
void write_answers(const std::filesystem::path& path, const std::vector<ClassAnswer>& answers,
                   const std::vector<std::string>& names);

}  // namespace tessera
