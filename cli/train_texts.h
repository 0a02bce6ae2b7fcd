// What `tessera train` says of a run before and after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/initial_model.h"
#include "train/run_folder.h"
#include "train/trainer.h"

namespace tessera {

/// What the run means by its learning rate, and what should be known of its plan on so many ranks,
/// a line each. `teacher` may be null.
std::vector<std::string> plan_texts(const Config& config, std::int64_t samples,
                                    const Teacher* teacher, int ranks = 1);

/// Throws ConfigError if `path` is what people give in the place of a configuration: a folder.
void refuse_folder(const std::string& path);

/// Prints what a training would be; `plan`: its plan_texts. Returns the exit code.
int print_dry_run(const Config& config, const std::vector<std::string>& plan,
                  const std::optional<InitialModel>& initial);

/// Prints how the run in `folder` ended. Returns the exit code.
int report_end(const TrainSummary& summary, const Config& config, const RunFolder& folder);

}  // namespace tessera
