#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/run_list.h"
#include "cli/screen.h"
#include "core/text.h"
#include "formats/json.h"
#include "report/plot/number.h"
#include "study/text_table.h"
#include "train/readable.h"

namespace tessera {
namespace {

struct RunsOptions {
  std::string folder = "runs";
  std::string sort = "name";
  bool json = false;
};

/// The larger the better; runs without an evaluation come last.
double rank_of(const ListedRun& run) {
  if (!run.best || std::isnan(run.best->value)) return -std::numeric_limits<double>::infinity();
  return run.best->smaller_is_better ? -run.best->value : run.best->value;
}

void sort_runs(std::vector<ListedRun>& runs, const std::string& by) {
  const auto less = [&](const ListedRun& a, const ListedRun& b) {
    if (by == "best") return rank_of(a) > rank_of(b);
    if (by == "loss") return !std::isnan(a.lowest_loss) && !(a.lowest_loss >= b.lowest_loss);
    if (by == "time") return a.train_seconds < b.train_seconds;
    if (by == "state") return a.status.state < b.status.state;
    return a.name < b.name;
  };
  std::stable_sort(runs.begin(), runs.end(), less);
}

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : nullptr; }

Json to_json(const ListedRun& run, const std::vector<std::string>& keys) {
  Json json = {{"run", run.name},
               {"state", to_string(run.status.state)},
               {"epoch", run.epoch},
               {"epochs", run.epochs},
               {"best_by", nullptr},
               {"best", nullptr},
               {"best_epoch", nullptr},
               {"lowest_loss", number_or_null(run.lowest_loss)},
               {"train_seconds", run.train_seconds}};
  if (run.best) {
    json["best_by"] = run.best->name;
    json["best"] = number_or_null(run.best->value);
    json["best_epoch"] = run.best_epoch;
  }
  if (run.status.ranks > 1) json["ranks"] = run.status.ranks;
  if (!run.status.reason.empty()) json["reason"] = run.status.reason;
  if (!run.problem.empty()) json["problem"] = run.problem;
  json["differs"] = Json::object();
  for (const std::string& key : keys) {
    if (run.values.contains(key)) json["differs"][key] = run.values.at(key);
  }
  return json;
}

/// The last word of a key, where no other key ends in the same.
std::string title_of(const std::string& key, const std::vector<std::string>& keys) {
  const std::string word = key.substr(key.rfind('.') + 1);
  const auto same = std::count_if(keys.begin(), keys.end(), [&](const std::string& other) {
    return other == word || other.ends_with("." + word);
  });
  return same > 1 ? key : word;
}

/// `83.12 % top-1`
std::string best_text(const Metric& metric) {
  return fmt::format("{} {}", text_of_metric(metric), title_of_metric(metric.name));
}

/// The study that a run is a cell of, and what the cell is called in it; a study of "" if it is
/// none.
struct CellName {
  std::string study, cell;
};

CellName cell_name(const std::string& run) {
  constexpr std::string_view kCells = "/cells/";
  constexpr std::size_t kHash = 9;  // a sign and eight digits
  const std::size_t at = run.find(kCells);
  if (at == std::string::npos) return {"", run};
  std::string cell = run.substr(at + kCells.size());
  const std::size_t sign = cell.find_last_of("-_");
  if (sign != std::string::npos && cell.size() - sign == kHash) cell.resize(sign);
  return {run.substr(0, at), std::move(cell)};
}

/// At most `columns` characters, with three dots for the rest.
std::string shortened(const std::string& text, int columns) {
  if (report::text_columns(text) <= columns) return text;
  std::string kept;
  int used = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0u) != 0x80u && ++used > columns - 3) break;
    kept += c;
  }
  return kept + "...";
}

/// With the first `shown` of the keys, values cut. The cells of a study that follow each other
/// stand below its name.
std::string table_of(const std::vector<ListedRun>& runs, const std::vector<std::string>& keys,
                     std::size_t shown) {
  constexpr int kWidestValue = 20, kWidestName = 48;
  constexpr std::size_t kOwnColumns = 6;
  TextTable table;
  table.add_column("run", TextTable::Align::kLeft);
  table.add_column("state", TextTable::Align::kLeft);
  for (const char* title : {"epoch", "best", "loss", "time"}) table.add_column(title);
  for (std::size_t i = 0; i < shown; ++i) table.add_column(title_of(keys[i], keys));
  std::string study;
  for (const ListedRun& run : runs) {
    const CellName name = cell_name(tessera::shown(run.name));
    if (!name.study.empty() && name.study != study) {
      std::vector<std::string> heading(kOwnColumns + shown);
      heading[0] = shortened(name.study, kWidestName);
      heading[1] = "study";
      table.add_row(std::move(heading));
    }
    study = name.study;
    std::vector<std::string> row = {
        (study.empty() ? "" : "  ") + shortened(name.cell, kWidestName),
        state_text(run.status),
        fmt::format("{}/{}", run.epoch, run.problem.empty() ? fmt::to_string(run.epochs) : "?"),
        run.best ? best_text(*run.best) : "–",
        report::number_text(run.lowest_loss, report::Unit::kPlain, 4),
        run.train_seconds > 0.0 ? duration_text(run.train_seconds) : "–"};
    for (std::size_t i = 0; i < shown; ++i) {
      const auto found = run.values.find(keys[i]);
      row.push_back(found == run.values.end() ? "?" : shortened(found->second, kWidestValue));
    }
    table.add_row(std::move(row));
  }
  return table.plain();
}

int widest_line(const std::string& text) {
  int widest = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    widest = std::max(widest, report::text_columns(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return widest;
}

/// Of the terminal, or as COLUMNS says, or of a line that is still read well.
int columns_here() {
  constexpr int kUsual = 120, kLeast = 40;
  if (has_screen()) return screen_size().columns;
  const char* columns = std::getenv("COLUMNS");
  const int wanted = columns != nullptr ? std::atoi(columns) : 0;
  return wanted > 0 ? std::max(kLeast, wanted) : kUsual;
}

/// What follows from other keys, or from the data.
std::vector<std::string> without_derived(std::vector<std::string> keys) {
  std::vector<std::string> own = keys;
  std::erase_if(own, [](const std::string& key) {
    return key == "data.classes" || key == "model.num_classes" || key == "model.in_channels";
  });
  return own.empty() ? keys : own;
}

/// As many keys as there is room for.
void print_table(const std::vector<ListedRun>& runs, const std::vector<std::string>& all) {
  const std::vector<std::string> keys = without_derived(all);
  const int columns = columns_here();
  std::size_t shown = keys.size();
  std::string table = table_of(runs, keys, shown);
  while (shown > 0 && widest_line(table) > columns) table = table_of(runs, keys, --shown);
  fmt::print("{}", table);
  if (shown < keys.size()) {
    fmt::print("They differ in {} that there is no room for: --json\n",
               plural(static_cast<std::int64_t>(keys.size() - shown), "key"));
  }
  for (const ListedRun& run : runs) {
    const std::string name = cell_name(tessera::shown(run.name)).cell;
    if (!run.status.reason.empty()) {
      const std::string reason = printable(run.status.reason);
      fmt::print("{}\n", shortened(fmt::format("{} {}: {}", name, to_string(run.status.state),
                                               reason.substr(0, reason.find('\n'))),
                                   columns));
    }
    if (!run.problem.empty())
      fmt::print("{}\n", shortened(name + ": " + printable(run.problem), columns));
  }
}

int run(const RunsOptions& options) {
  std::vector<ListedRun> runs = list_runs(options.folder);
  sort_runs(runs, options.sort);
  const std::vector<std::string> keys = differing_keys(runs);
  if (options.json) {
    Json json = Json::array();
    for (const ListedRun& listed : runs) json.push_back(to_json(listed, keys));
    fmt::print("{}\n", json_text(json, 2));
  } else if (runs.empty()) {
    fmt::print("{}: no runs\n", options.folder);
  } else {
    print_table(runs, keys);
  }
  return kExitOk;
}

}  // namespace

Action add_runs_command(Arguments& arguments) {
  auto options = std::make_shared<RunsOptions>();
  arguments.add_option("folder", options->folder, "Where the runs are, at any depth")
      .with_default();
  arguments.add_option("--sort", options->sort, "By name, best, loss, time or state")
      .one_of({"name", "best", "loss", "time", "state"})
      .with_default();
  arguments.add_flag("--json", options->json, "Print one JSON array");
  arguments.footer(
      "Columns after the time are the keys in which the configurations differ, as many as the "
      "terminal or COLUMNS has room for. A run that was killed has failed; one that was stopped, "
      "by Ctrl-C, goes on with tessera train --resume.");
  return [options] { return run(*options); };
}

}  // namespace tessera
