// The sections of the report on a study.
#pragma once

#include <optional>

#include "report/page.h"
#include "report/plot/plot.h"
#include "study/study_record.h"

namespace tessera::report {

Unit unit_of(const std::string& metric);

/// 91.30 ± 0.24 %, without a unit sign for losses; an en dash if there is no mean.
std::string estimate_text(const Estimate& estimate, Unit unit);

/// +1.20 ± 0.31 points
std::string difference_text(const Estimate& difference, Unit unit);

/// The first metric over `cost`, a dot a cell, with what is best for each cost.
Plot cost_plot(const StudyRecord& record, const std::string& title, const AxisConfig& x,
               double StudyCell::*cost);

/// Of one metric, a row a cell.
Drawing difference_drawing(const StudyRecord& record, const std::string& metric);

/// Charts of the first metric against MACs and time, and the differences to the baseline.
Section results_section(const StudyRecord& record);

/// All metrics, a row a cell.
Section table_section(const StudyRecord& record);

/// What the cells cost: parameters, arithmetic, speed alone and in the runs, time, memory.
Section costs_section(const StudyRecord& record);

/// The first metric on val while training: the cells by epoch, arithmetic and time, and the seeds
/// of each. Nothing if no run was evaluated yet.
std::optional<Section> study_curves_section(const StudyRecord& record);

/// The runs, what was made equal, and the machine.
Section runs_section(const StudyRecord& record);

}  // namespace tessera::report
