// What `eval` prints of a test, shared by its parts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "tasks/classification/meter.h"
#include "train/evaluate.h"
#include "train/saved_model.h"
#include "train/test_views.h"

namespace tessera {

struct EvalOptions {
  std::string path;
  std::vector<std::string> overrides;
  std::string split = "test";
  std::vector<std::int64_t> patch_sizes;
  std::string curve;  ///< SVG file of the patch sizes; empty: none
  std::vector<std::string> views;
  std::int64_t shift = 0;      ///< pixels; 0: as in training
  std::vector<double> scales;  ///< masks: of images; empty: 1
  std::int64_t window = 0;     ///< masks: side of sliding windows; 0: whole images
  std::int64_t stride = 0;     ///< masks: between them; 0: two thirds of a window
  std::string predictions;     ///< of classes a file, of masks and boxes a folder; empty: none
  bool json = false;
  bool right = false;  ///< with json: which images are answered rightly
  bool confusion = false;
};

/// Throws ConfigError naming the first option that means nothing to a model that answers so; or,
/// without a kind, that fills images in.
void check_options(const EvalOptions& options, std::optional<TargetKind> kind);

/// What was tested on which images, and whether the checkpoint was chosen on them.
void print_subject(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset,
                   std::int64_t samples);

/// Says in `json` which checkpoint of a run was tested, and all figures of `meter` under the names
/// that they have in training.
void add_checkpoint(nlohmann::ordered_json& json, const SavedModel& saved, const Meter& meter,
                    std::int64_t samples);

nlohmann::ordered_json to_json(const ClassificationMeter& metrics, const Dataset& dataset,
                               bool confusion);

/// Throws ConfigError for a shift that leaves nothing of the image.
TestViews views_of(const EvalOptions& options, const Config& config);

ClassificationMeter test(const SavedModel& saved, const Dataset& dataset, const TestViews& views,
                         const VisitBatch& visit = {});

/// Tests how well `saved` fills in what is hidden of the images; two figures, or JSON.
void eval_filling(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset);

/// Of the options, or if only the curve is asked for those that the model was trained with; none:
/// nothing of them is asked for.
std::vector<std::int64_t> patch_sizes_of(const EvalOptions& options, const Config& config);

/// Tests `saved` with patches of each of `sizes`; a table, or JSON, and the curve.
int run_patch_sizes(const EvalOptions& options, const std::vector<std::int64_t>& sizes,
                    const SavedModel& saved, const Dataset& dataset);

}  // namespace tessera
