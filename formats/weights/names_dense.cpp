#include "formats/weights/names_dense.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

namespace tessera {
namespace {

using enum RowUse;

constexpr std::string_view kCounter = "num_batches_tracked", kMean = "running_mean";

/// One name of the official repository and of OpenMMLab, another one of Hugging Face.
constexpr NameRow row(std::string_view ours, std::string_view mm, std::string_view huggingface,
                      RowUse use = kAlways) {
  return {{ours, "", "", mm, mm, huggingface}, use};
}

// Norms are `bn` there if they have statistics, else `gn`; Hugging Face has the former alone.
constexpr NameRow kSegmentationRows[] = {
    row("head.pools.{B}.conv.*", "decode_head.psp_modules.{B}.1.conv.*",
        "decode_head.psp_modules.{B}.1.conv.*"),
    row("head.pools.{B}.norm.*", "decode_head.psp_modules.{B}.1.bn.*",
        "decode_head.psp_modules.{B}.1.batch_norm.*", kStatistics),
    row("head.pools.{B}.norm.*", "decode_head.psp_modules.{B}.1.gn.*", "", kNoStatistics),
    row("head.bottleneck.conv.*", "decode_head.bottleneck.conv.*", "decode_head.bottleneck.conv.*"),
    row("head.bottleneck.norm.*", "decode_head.bottleneck.bn.*",
        "decode_head.bottleneck.batch_norm.*", kStatistics),
    row("head.bottleneck.norm.*", "decode_head.bottleneck.gn.*", "", kNoStatistics),
    row("head.laterals.{B}.conv.*", "decode_head.lateral_convs.{B}.conv.*",
        "decode_head.lateral_convs.{B}.conv.*"),
    row("head.laterals.{B}.norm.*", "decode_head.lateral_convs.{B}.bn.*",
        "decode_head.lateral_convs.{B}.batch_norm.*", kStatistics),
    row("head.laterals.{B}.norm.*", "decode_head.lateral_convs.{B}.gn.*", "", kNoStatistics),
    row("head.smooths.{B}.conv.*", "decode_head.fpn_convs.{B}.conv.*",
        "decode_head.fpn_convs.{B}.conv.*"),
    row("head.smooths.{B}.norm.*", "decode_head.fpn_convs.{B}.bn.*",
        "decode_head.fpn_convs.{B}.batch_norm.*", kStatistics),
    row("head.smooths.{B}.norm.*", "decode_head.fpn_convs.{B}.gn.*", "", kNoStatistics),
    row("head.fuse.conv.*", "decode_head.fpn_bottleneck.conv.*",
        "decode_head.fpn_bottleneck.conv.*"),
    row("head.fuse.norm.*", "decode_head.fpn_bottleneck.bn.*",
        "decode_head.fpn_bottleneck.batch_norm.*", kStatistics),
    row("head.fuse.norm.*", "decode_head.fpn_bottleneck.gn.*", "", kNoStatistics),
    row("head.convs.{B}.conv.*", "decode_head.convs.{B}.conv.*", "decode_head.convs.{B}.conv.*"),
    row("head.convs.{B}.norm.*", "decode_head.convs.{B}.bn.*", "decode_head.convs.{B}.batch_norm.*",
        kStatistics),
    row("head.convs.{B}.norm.*", "decode_head.convs.{B}.gn.*", "", kNoStatistics),
    row("head.classifier.*", "decode_head.conv_seg.*", "decode_head.classifier.*"),
    row("head.auxiliary.convs.{B}.conv.*", "auxiliary_head.convs.{B}.conv.*",
        "auxiliary_head.convs.{B}.conv.*"),
    row("head.auxiliary.convs.{B}.norm.*", "auxiliary_head.convs.{B}.bn.*",
        "auxiliary_head.convs.{B}.batch_norm.*", kStatistics),
    row("head.auxiliary.convs.{B}.norm.*", "auxiliary_head.convs.{B}.gn.*", "", kNoStatistics),
    row("head.auxiliary.classifier.*", "auxiliary_head.conv_seg.*", "auxiliary_head.classifier.*"),
};

}  // namespace

std::span<const NameRow> segmentation_head_rows() { return kSegmentationRows; }

std::vector<StoredTensor> missing_counters(std::span<const StoredTensor> tensors) {
  std::set<std::string_view> names;
  for (const StoredTensor& tensor : tensors) names.insert(tensor.name);
  std::vector<StoredTensor> counters;
  for (const StoredTensor& tensor : tensors) {
    if (!tensor.name.ends_with(kMean)) continue;
    std::string name = tensor.name.substr(0, tensor.name.size() - kMean.size());
    name += kCounter;
    if (names.contains(name)) continue;
    const auto zero = std::make_shared<std::byte[]>(sizeof(std::int64_t));
    counters.push_back({name, StoredType::kI64, {}, {zero.get(), sizeof(std::int64_t)}, zero});
  }
  return counters;
}

bool is_zero_counter(const StoredTensor& tensor) {
  return is_batch_counter(tensor.name) && tensor.type == StoredType::kI64 && tensor.shape.empty() &&
         std::ranges::all_of(tensor.bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

bool is_batch_counter(std::string_view name) { return name.ends_with(kCounter); }

}  // namespace tessera
