#include <fmt/format.h>

#include "layers/stage_plan.h"
#include "report/sections.h"

namespace tessera::report {
namespace {

std::string size_text(const Size2& size) { return fmt::format("{} × {}", size[0], size[1]); }

Table stage_table(const ModelPlan& plan) {
  Table table{{"Part", "Tokens", "Channels", "Heads", "Blocks", "Window", "Million MACs"}, {}};
  const auto cost = [&](std::int64_t macs) {
    return Cell(fmt::format("{:.2f}", static_cast<double>(macs) * 1e-6), static_cast<double>(macs),
                static_cast<double>(macs) / static_cast<double>(plan.macs()));
  };
  const auto count = [](std::int64_t value) {
    return Cell(fmt::to_string(value), static_cast<double>(value));
  };
  table.rows.push_back({std::string("Embedding"), size_text(plan.embed.map),
                        count(plan.stages.front().channels), std::string(), std::string(),
                        std::string(), cost(plan.embed.macs)});
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    table.rows.push_back({fmt::format("Stage {}", i), size_text(stage.map), count(stage.channels),
                          count(stage.num_heads), count(stage.depth),
                          size_text(stage.windows.window), cost(stage.macs)});
  }
  table.rows.push_back({std::string("Head"), std::string(), std::string(), std::string(),
                        std::string(), std::string(), cost(plan.head.macs)});
  return table;
}

Plot speed_plot(const std::vector<TimingRecord>& timing) {
  Series series{.name = "training", .color = "s2", .kind = Series::Kind::kLineAndDots};
  for (const TimingRecord& record : timing) {
    series.points.push_back({static_cast<double>(record.epoch), record.images_per_s});
  }
  return {.title = "Images a second",
          .x = {.label = "epoch", .whole = true, .tight = true},
          .y = {.unit = Unit::kCount, .low = 0.0},
          .series = {series}};
}

std::vector<std::pair<std::string, std::string>> numbers(const RunRecord& record) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (record.timing.empty()) return pairs;
  double waited = 0.0;
  for (const TimingRecord& timing : record.timing) {
    waited += timing.data_wait_share * timing.seconds;
  }
  const double seconds = record.train_seconds();
  pairs.emplace_back("Time of training", duration_with_unit(seconds) + ", evaluation not counted");
  pairs.emplace_back("Images a second", number_text(record.images_per_s(), Unit::kCount, 3));
  pairs.emplace_back("Waiting for data", number_text(waited / seconds, Unit::kPercent, 1));
  const double memory = record.peak_memory_mb();
  if (memory > 0.0) pairs.emplace_back("Most memory", fmt::format("{:.0f}\u00a0MB", memory));
  return pairs;
}

}  // namespace

std::optional<Section> cost_section(const RunView& view) {
  const ModelPlan plan = plan_model(view.record.config.model);
  Section section{"cost", "Cost", "", {}};
  section.lead = fmt::format(
      "Where the arithmetic is, and what the machine made of it. One image takes {} multiply-adds "
      "(MACs) forwards; papers often call these FLOPs.",
      number_text(static_cast<double>(plan.macs()), Unit::kCount, 3));
  Markup& html = section.body;
  add_table(html, stage_table(plan));
  const auto pairs = numbers(view.record);
  if (pairs.empty()) return section;
  html.open("div", {{"class", "figures"}}).open("div");
  add_pairs(html, pairs);
  html.close();
  if (view.record.timing.size() > 1) {
    add_figure(html, draw(speed_plot(view.record.timing)),
               "Training images over the time of training in each epoch. Other work on the machine "
               "shows here.");
  }
  html.close();
  return section;
}

}  // namespace tessera::report
