// A configuration to begin with, for data that were looked at and the machine that will train.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/survey.h"
#include "train/train_config.h"

namespace tessera {

struct SuggestionOptions {
  std::string name;       ///< of the configuration, for its text
  double hours = 1.0;     ///< of training that are wanted at most
  std::string list = "";  ///< of all images, where validation has to show those of training
};

struct Suggestion {
  std::string yaml;  ///< with comments
  Config config;     ///< what it says, resolved
  double train_seconds = 0.0;
  std::int64_t bytes = 0;            ///< at the peak
  std::int64_t training_images = 0;  ///< without what is held out
  std::vector<std::string> remarks;  ///< what a person should know before training, a line each
};

/// Seconds of one update of a configuration on this machine.
using MeasureUpdate = std::function<double(const Config&)>;

/// The best model of a few whose training fits the time, in memory that is there: of the size that
/// the images have, of as many updates as their number asks for. `measure` is called for each that
/// is tried.
Suggestion suggest_config(const DataSurvey& survey, const SuggestionOptions& options,
                          const MeasureUpdate& measure);

}  // namespace tessera
