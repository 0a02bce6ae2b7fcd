#include "formats/weights/buffers.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "layers/stage_plan.h"

namespace tessera {
namespace {

template <typename T>
StoredTensor own_tensor(std::string name, StoredType type, std::vector<std::int64_t> shape,
                        const std::vector<T>& values) {
  const std::size_t size = values.size() * sizeof(T);
  const auto bytes = std::make_shared_for_overwrite<std::byte[]>(size);
  std::memcpy(bytes.get(), values.data(), size);
  return {std::move(name), type, std::move(shape), {bytes.get(), size}, bytes};
}

/// Row of the bias table for each pair of query and key, [N, N].
std::vector<std::int64_t> position_index(Size2 window) {
  std::vector<std::int64_t> index;
  for (std::int64_t q = 0; q < window[0] * window[1]; ++q) {
    for (std::int64_t k = 0; k < window[0] * window[1]; ++k) {
      const std::int64_t dy = q / window[1] - k / window[1] + window[0] - 1;
      const std::int64_t dx = q % window[1] - k % window[1] + window[1] - 1;
      index.push_back(dy * (2 * window[1] - 1) + dx);
    }
  }
  return index;
}

/// Which of the three parts of an axis, that a shift tells apart, `i` lies in.
std::int64_t region(std::int64_t i, std::int64_t size, std::int64_t window, std::int64_t shift) {
  return i < size - window ? 0 : i < size - shift ? 1 : 2;
}

/// -100 for pairs of tokens that the cyclic shift brought together, [W, N, N].
std::vector<float> shift_mask(const AttentionGeometry& module) {
  const auto [height, width] = module.window;
  std::vector<float> mask;
  std::vector<std::int64_t> regions(static_cast<std::size_t>(height * width));
  for (std::int64_t top = 0; top < module.map[0]; top += height) {
    for (std::int64_t left = 0; left < module.map[1]; left += width) {
      for (std::int64_t i = 0; i < height * width; ++i) {
        const std::int64_t y = region(top + i / width, module.map[0], height, module.shift[0]);
        const std::int64_t x = region(left + i % width, module.map[1], width, module.shift[1]);
        regions[static_cast<std::size_t>(i)] = 3 * y + x;
      }
      for (const std::int64_t query : regions) {
        for (const std::int64_t key : regions) mask.push_back(query == key ? 0.0f : -100.0f);
      }
    }
  }
  return mask;
}

/// sign(d) log2(1 + 8 |d| / (w - 1)) / 3 of every offset d, arXiv:2111.09883 equation 4.
float log_offset(std::int64_t offset, std::int64_t window, std::int64_t pretrained) {
  const std::int64_t largest = (pretrained > 0 ? pretrained : window) - 1;
  if (largest < 1) return 0.0f;
  const float d = static_cast<float>(offset) / static_cast<float>(largest) * 8.0f;
  return std::copysign(std::log2(std::abs(d) + 1.0f) / 3.0f, d);
}

std::vector<float> coordinates(const AttentionGeometry& module) {
  const auto [height, width] = module.window;
  std::vector<float> table;
  for (std::int64_t dy = 1 - height; dy < height; ++dy) {
    for (std::int64_t dx = 1 - width; dx < width; ++dx) {
      table.push_back(log_offset(dy, height, module.pretrained));
      table.push_back(log_offset(dx, width, module.pretrained));
    }
  }
  return table;
}

}  // namespace

std::vector<AttentionGeometry> geometry_of(const ModelConfig& config) {
  std::vector<AttentionGeometry> modules;
  if (config.name == ModelName::kViT) return modules;
  const ModelPlan plan = plan_model(finest(config));
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    const StagePlan& stage = plan.stages[s];
    for (std::int64_t b = 0; b < stage.depth; ++b) {
      const WindowPlan& windows = b % 2 == 0 ? stage.windows : stage.shifted_windows;
      modules.push_back({.name = fmt::format("stages.{}.blocks.{}.attn", s, b),
                         .window = windows.window,
                         .shift = windows.shift,
                         .map = windows.padded,
                         .continuous = config.position.continuous,
                         .pretrained = s < config.pretrained_window_size.size()
                                           ? config.pretrained_window_size[s]
                                           : 0});
    }
  }
  return modules;
}

std::vector<AttentionGeometry> geometry_of(std::span<const StoredTensor> tensors) {
  std::vector<AttentionGeometry> modules;
  for (const StoredTensor& stored : tensors) {
    const std::string_view name = stored.name;
    if (!name.ends_with(kBiasTable) || stored.shape.size() != 2) continue;
    const std::int64_t rows = stored.shape[0];
    const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(rows))));
    if (side * side != rows || side % 2 == 0) continue;
    const std::int64_t window = (side + 1) / 2;
    modules.push_back({.name = std::string(name.substr(0, name.size() - kBiasTable.size())),
                       .window = {window, window}});
  }
  return modules;
}

std::vector<StoredTensor> make_buffers(std::span<const AttentionGeometry> modules, Naming naming,
                                       bool norm_each) {
  std::vector<StoredTensor> buffers;
  if (naming != Naming::kTorchvision && naming != Naming::kOfficial &&
      naming != Naming::kOpenMmlab) {
    return buffers;
  }
  const auto name_for = [&](const std::string& ours) {
    const auto names = from_tessera(ours, {.naming = naming, .norm_each = norm_each});
    return names.empty() ? std::string() : names.front().name;
  };
  for (const AttentionGeometry& module : modules) {
    const auto [height, width] = module.window;
    const std::int64_t tokens = height * width;
    const bool flat = naming == Naming::kTorchvision;
    const auto index_shape = flat ? std::vector<std::int64_t>{tokens * tokens}
                                  : std::vector<std::int64_t>{tokens, tokens};
    buffers.push_back(own_tensor(name_for(module.name + ".relative_position_index"),
                                 StoredType::kI64, index_shape, position_index(module.window)));
    if (module.continuous) {
      buffers.push_back(own_tensor(name_for(module.name + ".relative_coords_table"),
                                   StoredType::kF32, {1, 2 * height - 1, 2 * width - 1, 2},
                                   coordinates(module)));
    }
    if (naming == Naming::kOfficial && !norm_each && (module.shift[0] > 0 || module.shift[1] > 0)) {
      const std::int64_t windows = module.map[0] / height * (module.map[1] / width);
      const std::string block = module.name.substr(0, module.name.rfind('.'));
      buffers.push_back(own_tensor(name_for(block + ".attn_mask"), StoredType::kF32,
                                   {windows, tokens, tokens}, shift_mask(module)));
    }
  }
  return buffers;
}

}  // namespace tessera
