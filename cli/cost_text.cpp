#include "cli/cost_text.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/parallel.h"
#include "formats/json.h"
#include "layers/model.h"
#include "layers/stage_plan.h"
#include "train/readable.h"
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

std::string unseen_text(const ModelConfig& model) {
  const Size2 unseen = plan_model(model).embed.unused_pixels;
  if (unseen == Size2{0, 0}) return "";
  return fmt::format(
      "The patch does not divide the image: {} rows and {} columns at its edge are not seen.",
      unseen[0], unseen[1]);
}

std::string plan_text(const Config& config) {
  const ModelConfig& model = config.model;
  const ModelPlan plan = plan_model(model);
  const std::int64_t parameters = Model(model).parameters.count();
  std::string text = fmt::format("Image {} with {}, patch {}, {}\n\n", size_text(model.image_size),
                                 plural(model.in_channels, "channel"), size_text(model.patch_size),
                                 plural(model.num_classes, "class", "classes"));
  text += "stage     tokens  channels  heads  blocks   window    shift     padded      MMACs\n";
  for (std::size_t i = 0; i < plan.stages.size(); ++i) text += stage_row(i, plan.stages[i]);
  text += fmt::format("{:>5}  {:>76.2f}\n", "head", static_cast<double>(plan.head.macs) * 1e-6);
  const double macs = static_cast<double>(plan.macs());
  text += fmt::format("\nparameters             {:>14}\n", parameters);
  text += fmt::format(
      "multiply-adds an image {:>14.1f} million ({:.1f} MFLOP; papers often call MACs FLOPs)\n",
      macs * 1e-6, 2.0 * macs * 1e-6);
  text +=
      fmt::format("a training step        {:>14.2f} GFLOP at batch {}\n",
                  6.0 * training_macs(model) * 1e-9 * static_cast<double>(config.data.batch_size),
                  config.data.batch_size);
  text += fmt::format("predicted peak memory  {:>14.0f} MB at batch {}\n",
                      static_cast<double>(predicted_bytes(config, parameters)) / 1048576.0,
                      config.data.batch_size);
  return text;
}

namespace {

constexpr double kShown = 1e-3;  // an op that takes less of the time has no row

/// One op's time a step, and how near it comes to the machine's two limits.
struct OpRow {
  std::string name;
  double ms = 0.0;
  double share = 0.0;  ///< of the time of all ops
  double gflops = 0.0, gbytes = 0.0;
  double peak_share = 0.0, stream_share = 0.0;
};

std::vector<OpRow> slowest_first(const Profile& profile, const Speed& speed) {
  double total = 0.0;
  for (const auto& [name, entry] : profile.entries()) total += entry.seconds;
  std::vector<OpRow> rows;
  for (const auto& [name, entry] : profile.entries()) {
    const double gflops = entry.flops / entry.seconds * 1e-9;
    const double gbytes = entry.bytes / entry.seconds * 1e-9;
    rows.push_back({name, 1e3 * entry.seconds / speed.steps, entry.seconds / total, gflops, gbytes,
                    gflops / speed.peak_gflops, gbytes / speed.stream_gbytes});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const OpRow& a, const OpRow& b) { return a.ms > b.ms; });
  return rows;
}

std::string table(const char* title, const std::vector<OpRow>& rows) {
  std::string text = fmt::format("\n{:<34}{:>9}{:>9}{:>10}{:>10}{:>8}{:>11}\n", title, "ms",
                                 "share", "GFLOP/s", "of peak", "GB/s", "of memory");
  double rest = 0.0;
  for (const OpRow& row : rows) {
    if (row.share < kShown) {
      rest += row.ms;
      continue;
    }
    text += fmt::format("{:<34}{:>9.2f}{:>7.1f} %{:>10.1f}{:>8.1f} %{:>8.1f}{:>9.1f} %\n", row.name,
                        row.ms, 100.0 * row.share, row.gflops, 100.0 * row.peak_share, row.gbytes,
                        100.0 * row.stream_share);
  }
  if (rest > 0.0) text += fmt::format("{:<34}{:>9.2f}\n", "others", rest);
  return text;
}

Json to_json(const std::vector<OpRow>& rows) {
  Json ops = Json::array();
  for (const OpRow& row : rows) {
    ops.push_back({{"name", row.name},
                   {"ms", row.ms},
                   {"gflops", row.gflops},
                   {"gbytes", row.gbytes},
                   {"peak_share", row.peak_share},
                   {"stream_share", row.stream_share}});
  }
  return ops;
}

Json to_json(const Rate& rate) {
  return {{"images_per_s", rate.images_per_s},
          {"gflops", rate.gflops},
          {"peak_share", rate.peak_share}};
}

std::string line(const char* name, const Rate& rate) {
  return fmt::format("{:<10}{:>10.1f} images/s {:>9.1f} GFLOP/s {:>6.1f} % of peak\n", name,
                     rate.images_per_s, rate.gflops, 100.0 * rate.peak_share);
}

std::string precision_of(const Speed& speed, const Config& config) {
  const char* const floats = config.train.precision == Precision::kBF16 ? "bf16" : "f32";
  return speed.quantized ? fmt::format("int8 and {}", floats) : floats;
}

std::string loader_line(const LoaderCost& loader) {
  return fmt::format(
      "loader    {:>10.2f} ms of CPU a batch ({}), {:.1f} % of a training step's {:.0f} "
      "ms\n",
      1e3 * loader.cpu_seconds, loader.data, 100.0 * loader.share(), 1e3 * loader.step_cpu_seconds);
}

}  // namespace

std::string speed_text(const Speed& speed, const Config& config) {
  std::string workers = plural(num_threads(), "thread");
  if (speed.ranks > 1) workers = fmt::format("{} ranks of {}", speed.ranks, workers);
  std::string text = fmt::format("batch {}, {}, {}; medians of {}\n\n", speed.batch,
                                 precision_of(speed, config), workers, plural(speed.steps, "step"));
  if (speed.trains) text += line("training", speed.train);
  text += line("inference", speed.infer);
  if (speed.trains) text += loader_line(speed.loader);
  text += fmt::format(
      "\npeak {:.0f} GFLOP/s by products in registers, memory {:.1f} GB/s, both measured "
      "now\npeak memory{} {:.0f} MB\n",
      speed.peak_gflops, speed.stream_gbytes, speed.trains ? " of training" : "",
      speed.peak_rss_mb);
  if (speed.trains) text += table("op, in training", slowest_first(speed.train_ops, speed));
  text += table("op, in inference", slowest_first(speed.infer_ops, speed));
  return text;
}

Json speed_json(const Speed& speed, const Config& config) {
  Json json;
  if (speed.trains) json["train"] = to_json(speed.train);
  json["infer"] = to_json(speed.infer);
  if (speed.trains) {
    json["loader"] = {{"data", speed.loader.data},
                      {"cpu_ms", 1e3 * speed.loader.cpu_seconds},
                      {"step_cpu_ms", 1e3 * speed.loader.step_cpu_seconds},
                      {"share", speed.loader.share()}};
  }
  json["peak_gflops"] = speed.peak_gflops;
  json["stream_gbytes"] = speed.stream_gbytes;
  json["peak_rss_mb"] = speed.peak_rss_mb;
  json["threads"] = num_threads();
  json["ranks"] = speed.ranks;
  json["batch"] = speed.batch;
  json["precision"] = precision_of(speed, config);
  if (speed.trains) json["ops"] = to_json(slowest_first(speed.train_ops, speed));
  json["infer_ops"] = to_json(slowest_first(speed.infer_ops, speed));
  return json;
}

}  // namespace tessera
