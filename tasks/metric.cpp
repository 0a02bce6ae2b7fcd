#include "tasks/metric.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace tessera {
namespace {

using Words = std::pair<std::string_view, std::string_view>;

// The figures whose names are not written as they are spoken.
constexpr std::array<Words, 15> kTitles{{{"top1", "top-1"},
                                         {"top5", "top-5"},
                                         {"miou", "mIoU"},
                                         {"macc", "mAcc"},
                                         {"aacc", "pixel accuracy"},
                                         {"ap", "AP"},
                                         {"ap50", "AP50"},
                                         {"ap75", "AP75"},
                                         {"loss_class", "class loss"},
                                         {"loss_box", "box loss"},
                                         {"loss_centerness", "centre-ness loss"},
                                         {"boundary_iou", "boundary IoU"},
                                         {"f1", "F1"},
                                         {"balanced_accuracy", "balanced accuracy"},
                                         {"macro_f1", "macro F1"}}};
constexpr std::array<Words, 4> kSplits{
    {{"train", "training"}, {"val", "val"}, {"test", "test"}, {"best/test", "test"}}};

// The names of version 0.1 in metrics.jsonl, study files and results.
constexpr std::array<Words, 8> kFormer{{{"top1", "val/top1"},
                                        {"top5", "val/top5"},
                                        {"loss", "val/loss"},
                                        {"test_top1", "val/top1"},
                                        {"test_top5", "val/top5"},
                                        {"test_loss", "val/loss"},
                                        {"train_top1", "train/top1"},
                                        {"train_loss", "train/loss"}}};

template <std::size_t N>
std::string_view find_word(const std::array<Words, N>& words, std::string_view name) {
  const auto found =
      std::find_if(words.begin(), words.end(), [&](const Words& w) { return w.first == name; });
  return found == words.end() ? name : found->second;
}

std::string_view last_part(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

}  // namespace

Metric named_metric(std::string name, double value) {
  const bool loss = last_part(name).starts_with("loss");
  return {std::move(name), value, loss, loss ? MetricFormat::kNumber : MetricFormat::kShare};
}

std::string title_of_metric(std::string_view name) {
  const std::string_view last = last_part(name);
  const std::string title(find_word(kTitles, last));
  if (last.size() == name.size()) return title;
  // Two checkpoints stand beside each other: what one was chosen by is part of its name.
  return fmt::format("{} {}{}", find_word(kSplits, name.substr(0, name.size() - last.size() - 1)),
                     title, name.starts_with("best/") ? " (best on val)" : "");
}

std::string text_of_metric(const Metric& metric) {
  return metric.format == MetricFormat::kShare ? fmt::format("{:.2f} %", 100.0 * metric.value)
                                               : fmt::format("{:.4f}", metric.value);
}

std::string current_metric_name(std::string_view name) {
  return std::string(find_word(kFormer, name));
}

void Metrics::set(std::string name, double value) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Metric& metric) { return metric.name == name; });
  if (found != entries_.end()) {
    found->value = value;
  } else {
    entries_.push_back(named_metric(std::move(name), value));
  }
}

const Metric* Metrics::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Metric& metric) { return metric.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

double Metrics::value(std::string_view name) const {
  const Metric* metric = find(name);
  return metric == nullptr ? std::numeric_limits<double>::quiet_NaN() : metric->value;
}

void Metrics::append(const Metrics& other, std::string_view prefix) {
  for (const Metric& metric : other) set(std::string(prefix) + metric.name, metric.value);
}

}  // namespace tessera
