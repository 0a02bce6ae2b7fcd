#include "optim/update_runs.h"

#include <cmath>
#include <string_view>

namespace tessera {
namespace {

/// `stages.0.blocks.11` of `stages.0.blocks.11.mlp.fc1.bias`; empty if there is no block in it.
std::string_view block_of(std::string_view name) {
  constexpr std::string_view kBlocks = "blocks.";
  const std::size_t at = name.find(kBlocks);
  if (at == std::string_view::npos || (at > 0 && name[at - 1] != '.')) return {};
  return name.substr(0, name.find('.', at + kBlocks.size()));
}

/// The l of update_runs for each entry; that of the head comes last.
std::vector<int> layer_numbers(const std::vector<ParameterStore::Entry>& entries) {
  std::vector<int> numbers;
  std::string_view block;
  int blocks = 0;
  for (const ParameterStore::Entry& entry : entries) {
    const std::string_view own = block_of(entry.name);
    if (!own.empty() && own != block) {
      block = own;
      ++blocks;
    }
    numbers.push_back(entry.name.starts_with("norm.") || entry.name.starts_with("head.") ? -1
                                                                                         : blocks);
  }
  for (int& number : numbers) {
    if (number < 0) number = blocks + 1;
  }
  numbers.push_back(blocks + 1);
  return numbers;
}

}  // namespace

std::vector<double> lr_scales(const ParameterStore& store, double layer_decay) {
  const std::vector<ParameterStore::Entry>& entries = store.entries();
  const std::vector<int> numbers = layer_numbers(entries);
  std::vector<double> scales;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    scales.push_back(
        entries[i].parameter->frozen ? 0.0 : std::pow(layer_decay, numbers.back() - numbers[i]));
  }
  return scales;
}

std::vector<UpdateRun> update_runs(const ParameterStore& store, double layer_decay) {
  return update_runs(store, layer_decay, [](const ParameterStore::Entry&) { return false; });
}

std::vector<UpdateRun> update_runs(const ParameterStore& store, double layer_decay,
                                   bool (*left_out)(const ParameterStore::Entry& entry)) {
  const std::vector<double> scales = lr_scales(store, layer_decay);
  std::vector<UpdateRun> runs;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const ParameterStore::Entry& entry = store.entries()[i];
    const bool decay = entry.parameter->decay;
    const double scale = left_out(entry) ? 0.0 : scales[i];
    if (!runs.empty()) runs.back().end = entry.offset;
    if (runs.empty() || runs.back().decay != decay || runs.back().lr_scale != scale) {
      runs.push_back({entry.offset, 0, decay, scale});
    }
  }
  if (!runs.empty()) runs.back().end = store.values().numel();
  return runs;
}

}  // namespace tessera
