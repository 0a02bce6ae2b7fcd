#include "study/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/error.h"
#include "layers/stage_plan.h"
#include "train/config/config.h"
#include "train/config/sources.h"

namespace tessera {
namespace {

constexpr std::size_t kMostCells = 1000;

std::size_t count_cells(const Study& study) {
  std::size_t cells = 1;
  for (const Axis& axis : study.axes) {
    cells *= axis.values.size();
    if (cells <= kMostCells) continue;
    fail<ConfigError>("{}: axes: more than {} cells; split the study", study.config.mark.file,
                      kMostCells);
  }
  return cells;
}

bool has_labels(const Study& study, const std::vector<std::string>& cell, const Labels& wanted) {
  for (std::size_t a = 0; a < study.axes.size(); ++a) {
    const auto found = wanted.find(study.axes[a].name);
    if (found != wanted.end() && found->second != cell[a]) return false;
  }
  return true;
}

bool is_skipped(const Study& study, const std::vector<std::string>& cell) {
  return std::any_of(study.skip.begin(), study.skip.end(), [&](const Labels& wanted) {
    return !wanted.empty() && has_labels(study, cell, wanted);
  });
}

std::string name_of(const std::vector<std::string>& titles,
                    const std::vector<std::string>& labels) {
  std::vector<std::string> parts;
  for (std::size_t a = 0; a < labels.size(); ++a) {
    parts.push_back(fmt::format("{} {}", titles[a], labels[a]));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// What is wrong with cells, each message once with the cells that it is true of.
class CellProblems {
 public:
  void add(const std::string& cell, const Problems& problems) {
    for (const auto& [mark, message] : problems.messages()) {
      const std::string key = to_string(mark) + message;
      const auto [found, is_new] = index_.try_emplace(key, found_.size());
      if (is_new) found_.push_back({mark, message, {}});
      found_[found->second].cells.push_back(cell);
    }
  }

  void throw_if_any() const {
    constexpr std::size_t kShown = 3;
    Problems problems;
    for (const Found& found : found_) {
      const std::size_t shown = std::min(kShown, found.cells.size());
      const std::string more =
          shown < found.cells.size() ? fmt::format(" and {} more", found.cells.size() - shown) : "";
      problems.add(
          found.mark,
          fmt::format("{} (cell {}{}; skip leaves cells out)", found.message,
                      fmt::join(found.cells.begin(),
                                found.cells.begin() + static_cast<std::ptrdiff_t>(shown), "; "),
                      more));
    }
    problems.throw_if_any();
  }

 private:
  struct Found {
    Mark mark;
    std::string message;
    std::vector<std::string> cells;
  };

  std::vector<Found> found_;
  std::map<std::string, std::size_t> index_;
};

/// The configuration of a cell; what is wrong with it goes to `problems`.
Config read_cell(const YamlNode& tree, Problems& problems) {
  Config config = read_config(tree, problems);
  static const TrainConfig unset;
  config.train.out = unset.out;
  if (!problems.empty()) return config;
  if (!config.has_data) {
    problems.add(tree.mark, "data.name is none: a study needs a data set to train on");
  }
  try {
    plan_model(config.model);
  } catch (const ConfigError& error) {
    problems.add(tree.mark, error.what());
  }
  return config;
}

/// The cell with which one of `labels` is compared. Throws ConfigError if it is skipped.
std::size_t find_baseline(const Study& study, const std::vector<Cell>& cells, const Cell& cell) {
  std::vector<std::string> wanted;
  for (std::size_t a = 0; a < study.axes.size(); ++a) {
    const Axis& axis = study.axes[a];
    const auto named = study.baseline.find(axis.name);
    if (named != study.baseline.end()) {
      wanted.push_back(named->second);
    } else {
      wanted.push_back(study.baseline.empty() ? axis.values.front().label : cell.labels[a]);
    }
  }
  const auto found = std::find_if(cells.begin(), cells.end(),
                                  [&](const Cell& other) { return other.labels == wanted; });
  if (found == cells.end()) {
    fail<ConfigError>("{}: baseline: {}, with which {} is compared, is left out by skip",
                      study.config.mark.file, name_of(axis_titles(study), wanted), cell.name);
  }
  return static_cast<std::size_t>(found - cells.begin());
}

void check_distinct(const Study& study, const std::vector<Cell>& cells) {
  std::map<std::string, const Cell*> seen;
  for (const Cell& cell : cells) {
    const auto [found, is_new] = seen.try_emplace(to_yaml(cell.config), &cell);
    if (is_new) continue;
    fail<ConfigError>("{}: axes: the cells {} and {} are the same configuration; leave one out",
                      study.config.mark.file, found->second->name, cell.name);
  }
}

}  // namespace

Config config_of(const Cell& cell, std::int64_t seed) {
  Config config = cell.config;
  config.train.seed = static_cast<std::uint32_t>(seed);
  return config;
}

std::vector<std::string> axis_titles(const Study& study) {
  std::vector<std::string> titles;
  for (const Axis& axis : study.axes) titles.push_back(axis.name.substr(axis.name.rfind('.') + 1));
  for (std::size_t a = 0; a < titles.size(); ++a) {
    const std::string title = titles[a];
    if (std::count(titles.begin(), titles.end(), title) < 2) continue;
    for (std::size_t b = 0; b < titles.size(); ++b) {
      if (titles[b] == title) titles[b] = study.axes[b].name;
    }
  }
  return titles;
}

std::vector<Cell> make_grid(const Study& study) {
  const std::vector<std::string> titles = axis_titles(study);
  std::vector<Cell> cells;
  CellProblems problems;
  const std::size_t count = count_cells(study);
  for (std::size_t index = 0; index < count; ++index) {
    Cell cell;
    YamlNode tree = study.config;
    std::size_t below = count;
    for (const Axis& axis : study.axes) {
      below /= axis.values.size();
      const AxisValue& value = axis.values[index / below % axis.values.size()];
      cell.labels.push_back(value.label);
      merge(tree, value.settings);
    }
    if (is_skipped(study, cell.labels)) continue;
    cell.name = name_of(titles, cell.labels);
    Problems own;
    cell.config = read_cell(tree, own);
    cell.config.train.seed = static_cast<std::uint32_t>(study.seeds.front());
    problems.add(cell.name, own);
    cells.push_back(std::move(cell));
  }
  problems.throw_if_any();
  if (cells.empty()) {
    fail<ConfigError>("{}: skip leaves no cell to train", study.config.mark.file);
  }
  check_distinct(study, cells);
  for (Cell& cell : cells) cell.baseline = find_baseline(study, cells, cell);
  return cells;
}

}  // namespace tessera
