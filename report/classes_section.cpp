#include <fmt/format.h>

#include <algorithm>

#include "report/matrix_plot.h"
#include "report/sections.h"

namespace tessera::report {
namespace {

constexpr std::int64_t kMostClassesDrawn = 200;

struct ConfusedPair {
  std::int64_t label, answer, count;
};

/// Pairs of classes, the most often confused first.
std::vector<ConfusedPair> confusions(const ClassificationMeter& metrics) {
  std::vector<ConfusedPair> pairs;
  const std::int64_t classes = metrics.num_classes();
  for (std::int64_t i = 0; i < classes * classes; ++i) {
    const std::int64_t count = metrics.confusion()[static_cast<std::size_t>(i)];
    if (count > 0 && i / classes != i % classes) pairs.push_back({i / classes, i % classes, count});
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const ConfusedPair& a, const ConfusedPair& b) { return a.count > b.count; });
  return pairs;
}

Cell percent_cell(double share) { return {number_text(share, Unit::kPercent, 1), share, share}; }

Table confusion_table(const ClassificationMeter& metrics, const std::vector<std::string>& names,
                      const std::vector<ConfusedPair>& pairs) {
  constexpr std::size_t kShown = 12;
  Table table{{"Class", "Taken for", "Images", "Share"}, {}};
  for (std::size_t i = 0; i < std::min(kShown, pairs.size()); ++i) {
    const ConfusedPair& pair = pairs[i];
    const double share = static_cast<double>(pair.count) /
                         static_cast<double>(metrics.class_score(pair.label).samples);
    table.rows.push_back({names[static_cast<std::size_t>(pair.label)],
                          names[static_cast<std::size_t>(pair.answer)],
                          Cell(count_text(pair.count), static_cast<double>(pair.count)),
                          Cell(number_text(share, Unit::kPercent, 1), share)});
  }
  return table;
}

Table class_table(const ClassificationMeter& metrics, const std::vector<std::string>& names,
                  const std::vector<ConfusedPair>& pairs) {
  Table table{{"Class", "Images", "Recall", "Precision", "F1", "Most often taken for"}, {}, true};
  for (std::int64_t k = 0; k < metrics.num_classes(); ++k) {
    const ClassScore score = metrics.class_score(k);
    const auto worst = std::find_if(pairs.begin(), pairs.end(),
                                    [&](const ConfusedPair& pair) { return pair.label == k; });
    const std::string taken =
        worst == pairs.end()
            ? "–"
            : fmt::format("{} ({})", names[static_cast<std::size_t>(worst->answer)], worst->count);
    table.rows.push_back({names[static_cast<std::size_t>(k)],
                          Cell(count_text(score.samples), static_cast<double>(score.samples)),
                          percent_cell(score.recall), percent_cell(score.precision),
                          percent_cell(score.f1), taken});
  }
  return table;
}

}  // namespace

std::optional<Section> classes_section(const RunView& view) {
  if (!view.test) return std::nullopt;
  const ClassificationMeter& metrics = view.test->metrics;
  const std::vector<ConfusedPair> pairs = confusions(metrics);
  Section section{"classes", "Classes", "", {}};
  if (!pairs.empty()) {
    const auto name = [&](std::int64_t k) { return view.class_names[static_cast<std::size_t>(k)]; };
    section.lead =
        fmt::format("What is taken for what. The commonest mistake: {} taken for {}, {} times.",
                    name(pairs.front().label), name(pairs.front().answer), pairs.front().count);
  }
  if (metrics.num_classes() <= kMostClassesDrawn) {
    section.body.open("div", {{"class", "figures"}});
    add_figure(section.body, draw_confusion(metrics.confusion(), view.class_names),
               "A row is a class, a column what the model took it for, numbers are images. The "
               "stronger a colour the larger the share of the row: full blue is all of it, full "
               "orange a quarter or more.");
    section.body.open("figure").element("h4", "Commonest mistakes");
    add_table(section.body, confusion_table(metrics, view.class_names, pairs));
    section.body.element("figcaption", "Share is of the images of the class.").close();
    section.body.close();
  }
  add_table(section.body, class_table(metrics, view.class_names, pairs));
  return section;
}

}  // namespace tessera::report
