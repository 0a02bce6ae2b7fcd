#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "report/sections.h"

namespace tessera::report {
namespace {

/// Every start that trained something was made with the same configuration and environment.
bool is_of_one_piece(const std::vector<HistoryEntry>& history) {
  return std::all_of(history.begin(), history.end(), [&](const HistoryEntry& entry) {
    return entry.changed.empty() && entry.environment == history.front().environment;
  });
}

std::string lead_of(const std::vector<HistoryEntry>& history) {
  if (history.empty() || !is_of_one_piece(history)) {
    return "What the last part of the run was made with; the table says from which update on.";
  }
  return "Enough to do it again: the same configuration, seed, data, build and number of threads "
         "give the same bits.";
}

/// Names and values that are others than in the entry before.
std::string differences(const HistoryEntry& before, const HistoryEntry& now) {
  std::vector<std::string> parts = now.changed;
  for (const auto& [name, value] : now.environment) {
    const auto old = std::find_if(before.environment.begin(), before.environment.end(),
                                  [&](const auto& pair) { return pair.first == name; });
    if (old != before.environment.end() && old->second != value) {
      parts.push_back(fmt::format("{} {} -> {}", name, old->second, value));
    }
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

Table history_table(const std::vector<HistoryEntry>& history) {
  Table table{.heads = {"after update", "date", "command", "changed"}, .rows = {}};
  for (std::size_t i = 0; i < history.size(); ++i) {
    const HistoryEntry& entry = history[i];
    table.rows.push_back({Cell(fmt::to_string(entry.step)), Cell(entry.date), Cell(entry.command),
                          Cell(i == 0 ? std::string() : differences(history[i - 1], entry))});
  }
  return table;
}

}  // namespace

std::optional<Section> setup_section(const RunRecord& record) {
  Section section{"setup", "Setup", lead_of(record.history), {}};
  Markup& html = section.body;
  if (!record.history.empty()) add_table(html, history_table(record.history));
  add_pairs(html, record.environment);
  html.open("details", {{"open", "open"}}).element("summary", "config.yaml, all keys resolved");
  html.open("pre", {{"tabindex", "0"}}).text(record.config_text).close();
  html.close();
  return section;
}

}  // namespace tessera::report
