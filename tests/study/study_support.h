// What tests of studies share.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "study/grid.h"
#include "study/study.h"
#include "tests/support/scratch_folder.h"

namespace tessera::test {

/// A study of synthetic images; what tests vary comes after it.
inline const std::string kStudyBase = R"(
model: {patch_size: 4, embed_dim: 16, depths: [1, 1], num_heads: [2, 4], window_size: 4}
data: {name: synthetic, batch_size: 16, train_samples: 320, test_samples: 64}
train: {epochs: 2}
)";

inline Study study_of(const std::string& text, const std::vector<std::string>& overrides = {},
                      bool quick = false) {
  return parse_study(kStudyBase + text, "s.yaml", overrides, quick);
}

/// The text of the ConfigError that a study throws when it is read and its cells are made.
inline std::string errors_of_study(const std::string& text,
                                   const std::vector<std::string>& overrides = {}) {
  return error_of<ConfigError>([&] { make_grid(study_of(text, overrides)); });
}

}  // namespace tessera::test
