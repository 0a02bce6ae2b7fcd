#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "cli/mask_scores.h"
#include "cli/score.h"
#include "core/error.h"
#include "core/parallel.h"
#include "data/images/image.h"
#include "formats/json.h"
#include "study/text_table.h"
#include "tasks/segmentation/boundary.h"
#include "tasks/segmentation/confusion.h"
#include "train/readable.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostClasses = 256;

/// The PNG files below `folder` by their path in it without the ending.
std::map<std::string, fs::path> masks_in(const fs::path& folder) {
  std::map<std::string, fs::path> masks;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string ending = entry.path().extension().string();
    if (!entry.is_regular_file() || (ending != ".png" && ending != ".PNG")) continue;
    masks[entry.path().lexically_relative(folder).replace_extension().string()] = entry.path();
  }
  if (masks.empty()) fail<DataError>("{}: no PNG file in it", folder.string());
  return masks;
}

struct Pair {
  fs::path truth, prediction;
};

/// A prediction for every label; those without a label are left out.
std::vector<Pair> pairs_of(const ScoreOptions& options) {
  const auto truths = masks_in(options.truth), predictions = masks_in(options.predictions);
  std::vector<Pair> pairs;
  for (const auto& [name, path] : truths) {
    const auto found = predictions.find(name);
    if (found == predictions.end()) {
      fail<DataError>("{}: no {}.png in {}; every label needs a prediction of its name",
                      path.string(), name, options.predictions);
    }
    pairs.push_back({path, found->second});
  }
  if (const std::size_t more = predictions.size() - pairs.size(); more > 0) {
    fmt::print(stderr, "{} without a label in {}: left out\n",
               plural(static_cast<std::int64_t>(more), "prediction"), options.truth);
  }
  return pairs;
}

void check_values(const Image& mask, const Image& truth, const fs::path& path, std::int64_t classes,
                  std::int32_t ignored) {
  for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
    if (truth.pixels[i] == ignored) continue;
    if (mask.pixels[i] < classes && mask.pixels[i] != ignored) continue;
    const auto width = static_cast<std::size_t>(mask.shape.width);
    const std::int64_t last = classes - 1 == ignored ? classes - 2 : classes - 1;
    fail<DataError>(
        "{}: row {}, column {} has {}, which is no class: they are 0 to {}, and {} is "
        "ignored where the label has it",
        path.string(), i / width, i % width, mask.pixels[i], last, ignored);
  }
}

void add(const Pair& pair, std::int64_t classes, std::int32_t ignored, MaskScores& scores) {
  const Image truth = load_mask_png(pair.truth), prediction = load_mask_png(pair.prediction);
  if (truth.shape.height != prediction.shape.height ||
      truth.shape.width != prediction.shape.width) {
    fail<DataError>("{}: {} x {} pixels, and {} has {} x {}; score predictions at the label's size",
                    pair.prediction.string(), prediction.shape.height, prediction.shape.width,
                    pair.truth.string(), truth.shape.height, truth.shape.width);
  }
  check_values(truth, truth, pair.truth, classes, ignored);
  check_values(prediction, truth, pair.prediction, classes, ignored);
  scores.confusion.add(truth.pixels, prediction.pixels);
  scores.boundary.add(truth.pixels, prediction.pixels, truth.shape.height, truth.shape.width);
}

MaskScores score(const std::vector<Pair>& pairs, std::int64_t classes, std::int32_t ignored) {
  const auto count = static_cast<std::int64_t>(pairs.size());
  std::vector<MaskScores> parts(static_cast<std::size_t>(num_parts(count, 1)),
                                MaskScores(classes, ignored));
  parallel_parts(count, 1, [&](int part, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      add(pairs[static_cast<std::size_t>(i)], classes, ignored,
          parts[static_cast<std::size_t>(part)]);
    }
  });
  for (std::size_t part = 1; part < parts.size(); ++part) {
    parts[0].confusion.merge(parts[part].confusion);
    parts[0].boundary.merge(parts[part].boundary);
  }
  parts[0].images = count;
  return parts[0];
}

/// One more than the largest class that is there.
std::int64_t classes_in(const Confusion& confusion) {
  std::int64_t classes = confusion.num_classes();
  while (classes > 1) {
    const PixelScore last = confusion.class_score(classes - 1);
    if (last.truth + last.predicted > 0) break;
    --classes;
  }
  return classes;
}

std::vector<std::string> numbers_up_to(std::int64_t classes) {
  std::vector<std::string> names;
  for (std::int64_t k = 0; k < classes; ++k) names.push_back(fmt::to_string(k));
  return names;
}

}  // namespace

void score_masks(const ScoreOptions& options) {
  const std::vector<Pair> pairs = pairs_of(options);
  const std::int64_t most = options.classes > 0 ? options.classes : kMostClasses;
  const MaskScores scores = score(pairs, most, options.ignored);
  const std::int64_t classes = options.classes > 0 ? most : classes_in(scores.confusion);
  if (options.json) {
    fmt::print("{}\n", to_json(scores, numbers_up_to(classes)).dump());
  } else {
    print(scores, numbers_up_to(classes));
  }
}

}  // namespace tessera
