// Figures of boxes as `score` and `eval` show them.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "tasks/detection/box_matches.h"
#include "tasks/detection/coco_metrics.h"

namespace tessera {

struct BoxClass {
  std::int64_t id = 0;
  std::string name;
};

/// `images`, `stats` of the twelve figures and `per_class`; -1 where there is none.
nlohmann::ordered_json to_json(const CocoScores& scores, std::int64_t images,
                               std::span<const BoxClass> classes);

/// The twelve figures and a table of the classes, on stdout.
void print(const CocoScores& scores, std::int64_t images, std::span<const BoxClass> classes);

/// Precision and recall at the score at which the mean F1 is best, and with `confusion` what was
/// taken for what there.
nlohmann::ordered_json to_json(const BoxMatches& matches, bool confusion);
void print(const BoxMatches& matches, std::span<const BoxClass> classes, bool confusion);

}  // namespace tessera
