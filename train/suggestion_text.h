// The text of a suggested configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/survey.h"
#include "train/suggestion.h"

namespace tessera {

/// A model that was found to do for images of about a size.
struct Recipe {
  std::int64_t side = 128;   ///< the longer one
  std::int64_t shorter = 0;  ///< the other one, of masks and boxes; 0: as long
  bool is_wide = false;      ///< the longer one is the width
  std::int64_t patch = 4;
  std::int64_t embed_dim = 48;
  std::vector<std::int64_t> depths{2, 2, 4};
  std::vector<std::int64_t> num_heads{3, 6, 12};
  std::int64_t window = 8;
  std::int64_t batch = 32;
  std::vector<std::int64_t> levels{};  ///< boxes: strides of the pyramid
};

/// A recipe and how it is trained.
struct Trial {
  Recipe recipe;
  std::int64_t batch = 1;
  std::int64_t accumulate = 1;
  std::int64_t epochs = 1;
  bool keeps_images = false;  ///< in memory: they are long to decode
};

/// Some class has several times as many images as another.
bool is_unbalanced(const DataSurvey& survey);

/// The largest class has many times as many pixels as the smallest.
bool has_rare_pixels(const DataSurvey& survey);

/// `0.4 GB`; of little memory `30 MB`.
std::string memory_text(std::int64_t bytes);

/// The keys, with comments.
std::string body_of(const DataSurvey& survey, const SuggestionOptions& options, const Trial& trial);

/// The comment in front of them: what it is for and what it takes.
std::string head_of(const DataSurvey& survey, const SuggestionOptions& options,
                    const Suggestion& found);

}  // namespace tessera
