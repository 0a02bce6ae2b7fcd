#include "cli/plan_text.h"

#include <fmt/format.h>

#include "layers/model.h"
#include "layers/stage_plan.h"
#include "train/plural.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

std::string size_text(const Size2& size) { return fmt::format("{}x{}", size[0], size[1]); }

std::string stage_row(std::size_t index, const StagePlan& stage) {
  const bool pads = stage.windows.padded != stage.map;
  const bool shifts = stage.depth > 1 && stage.shifted_windows.shift != Size2{0, 0};
  return fmt::format(
      "{:>5}  {:>9}  {:>8}  {:>5}  {:>6}  {:>7}  {:>7}  {:>9}  {:>9.2f}\n", index,
      size_text(stage.map), stage.channels, stage.num_heads, stage.depth,
      size_text(stage.windows.window), shifts ? size_text(stage.shifted_windows.shift) : "-",
      pads ? size_text(stage.windows.padded) : "-", static_cast<double>(stage.macs) * 1e-6);
}

}  // namespace

std::string plan_text(const Config& config) {
  const ModelConfig& model = config.model;
  const ModelPlan plan = plan_model(model);
  const std::int64_t parameters = Model(model).parameters.count();
  std::string text = fmt::format("Image {} with {}, patch {}, {}\n\n", size_text(model.image_size),
                                 plural(model.in_channels, "channel"), size_text(model.patch_size),
                                 plural(model.num_classes, "class", "classes"));
  text += "stage     tokens  channels  heads  blocks   window    shift     padded      MMACs\n";
  for (std::size_t i = 0; i < plan.stages.size(); ++i) text += stage_row(i, plan.stages[i]);
  if (plan.embed.unused_pixels != Size2{0, 0}) {
    text += fmt::format(
        "\nThe patch does not divide the image: {} rows and {} columns at its edge are not seen.\n",
        plan.embed.unused_pixels[0], plan.embed.unused_pixels[1]);
  }
  const double macs = static_cast<double>(plan.macs());
  text += fmt::format("\nparameters             {:>14}\n", parameters);
  text += fmt::format(
      "multiply-adds an image {:>14.1f} million ({:.1f} MFLOP; papers often call MACs FLOPs)\n",
      macs * 1e-6, 2.0 * macs * 1e-6);
  text += fmt::format("a training step        {:>14.2f} GFLOP at batch {}\n",
                      6.0 * macs * 1e-9 * static_cast<double>(config.data.batch_size),
                      config.data.batch_size);
  text += fmt::format("predicted peak memory  {:>14.0f} MB at batch {}\n",
                      static_cast<double>(predicted_bytes(config, parameters)) / 1048576.0,
                      config.data.batch_size);
  return text;
}

}  // namespace tessera
