#include <fmt/format.h>

#include <map>

#include "study/claims.h"
#include "study/output.h"
#include "study/test_figures.h"
#include "study/text_table.h"
#include "train/run_folder.h"

namespace tessera {

std::string status_table(const StudyResults& results, const StudyRuns& runs) {
  TextTable table;
  for (const char* title : {"run", "seed", "state"}) {
    table.add_column(title, TextTable::Align::kLeft);
  }
  for (const char* title : {"update", "process", "since"}) {
    table.add_column(title, TextTable::Align::kLeft);
  }
  std::map<std::string, std::size_t> counts;
  for (const CellResult& cell : results.cells) {
    for (const std::int64_t seed : results.study.seeds) {
      const Config config = config_of(cell.cell, seed);
      const std::filesystem::path run = runs.find(config);
      const std::int64_t total = cell.plan.length.total_steps;
      RunResult result;
      std::int64_t step = 0;
      if (!run.empty()) {
        const std::filesystem::path folder = runs.study() / run;
        result = read_run_result(folder, total, config.data.batch_size * config.data.accumulate);
        if (results.study.test) add_test_figures(result, folder);
        const std::vector<UpdateRecord> updates = read_updates(RunFolder{folder}.metrics());
        if (!updates.empty()) step = updates.back().step;
      }
      const auto owner = claim_owner(claims_of(runs.study()),
                                     run_key(runs, config, run_name(cell.cell.name, seed)));
      std::string state(to_string(result.status));
      if (result.status == RunStatus::kUnfinished) {
        state = owner ? "training" : step > 0 ? "interrupted" : "waiting";
      } else if (result.status == RunStatus::kDone && !is_complete(results.study, result)) {
        state = owner ? "testing" : "not tested";
      }
      ++counts[state];
      table.add_row({cell.cell.name, std::to_string(seed), state,
                     step > 0 ? fmt::format("{}/{}", step, total) : "–",
                     owner ? owner->process : "–", owner ? owner->since : "–"});
    }
  }
  std::string text = table.plain() + "\n";
  for (const auto& [state, count] : counts) text += fmt::format("{} {}  ", count, state);
  text.back() = '\n';
  return text;
}

}  // namespace tessera
