// What `tessera watch` shows of a run: where it stands, and its curves.
#pragma once

#include <string>
#include <vector>

#include "report/plot/text_plot.h"
#include "report/run_record.h"
#include "train/run_state.h"

namespace tessera {

/// Lines that fit `size`: name, state, progress and best accuracy, then as many of the curves of
/// loss, accuracy and learning rate as there is room for.
std::vector<std::string> dashboard(const report::RunRecord& record, const StatusRecord& status,
                                   const report::TextSize& size, bool color);

}  // namespace tessera
