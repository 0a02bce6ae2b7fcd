#include <fmt/format.h>

#include "report/report.h"
#include "report/study_sections.h"
#include "study/added_seeds.h"

namespace tessera::report {
namespace {

std::string lead_of(const StudyRecord& record) {
  std::string axes;
  for (const StudyAxis& axis : record.axes) {
    axes +=
        fmt::format("{}{} ({})", axes.empty() ? "" : ", ", axis.name, fmt::join(axis.values, ", "));
  }
  std::size_t added = 0;
  for (const auto& seeds : record.added_seeds) added += seeds.size();
  return fmt::format("A study of {}. {} variants with {} {} each{}{}.", axes, record.cells.size(),
                     record.seeds.size(), record.seeds.size() == 1 ? "seed" : "seeds",
                     added > 0 ? fmt::format(", {} of them added later", added) : "",
                     record.match == "none" ? ", as they are" : ", made equal in " + record.match);
}

std::vector<Fact> facts_of(const StudyRecord& record) {
  double seconds = 0.0;
  for (const StudyCell& cell : record.cells) {
    if (cell.train_seconds > 0.0) {
      seconds += cell.train_seconds * static_cast<double>(cell.runs_in(RunStatus::kDone));
    }
  }
  return {{"Variants", fmt::to_string(record.cells.size()), ""},
          {"Runs", fmt::to_string(record.runs_in(RunStatus::kDone)),
           fmt::format("of {} are done", record.runs())},
          {"Made equal", record.match, record.match == "none" ? "compared as they are" : ""},
          {"Training", duration_with_unit(seconds), "all done runs together"}};
}

}  // namespace

Page study_page(const StudyRecord& record) {
  Page page{record.name, lead_of(record), {}, facts_of(record), {}};
  if (const std::size_t missing = record.runs_in(RunStatus::kUnfinished); missing > 0) {
    page.notices.push_back(fmt::format("This study is not finished: {} of {} runs are missing.",
                                       missing, record.runs()));
  }
  if (const std::size_t failed = record.runs_in(RunStatus::kFailed); failed > 0) {
    page.notices.push_back(
        fmt::format("{} of {} runs failed; the table of runs says why.", failed, record.runs()));
  }
  if (!record.added_seeds.empty()) {
    page.notices.push_back(added_seeds_note(record.seeds, record.added_seeds));
  }
  page.sections.push_back(results_section(record));
  page.sections.push_back(table_section(record));
  page.sections.push_back(costs_section(record));
  if (std::optional<Section> curves = study_curves_section(record)) {
    page.sections.push_back(std::move(*curves));
  }
  page.sections.push_back(runs_section(record));
  return page;
}

std::string study_picture(const StudyRecord& record) {
  const Drawing costs = draw(
      cost_plot(record, sentence_case(title_of_metric(record.metric())) + " and arithmetic",
                {.label = "MACs an image", .unit = Unit::kCount, .log = true}, &StudyCell::macs));
  const std::vector<PlacedDrawing> drawings = {
      {0.0, 0.0, costs}, {costs.width + 16.0, 0.0, difference_drawing(record, record.metric())}};
  return drawing_file(drawings);
}

}  // namespace tessera::report
