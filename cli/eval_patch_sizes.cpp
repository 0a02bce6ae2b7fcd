// `eval --patch-size`: one checkpoint at several patch sizes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "cli/commands.h"
#include "cli/eval_report.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/profile.h"
#include "formats/json.h"
#include "layers/stage_plan.h"
#include "report/plot/plot.h"
#include "train/readable.h"

namespace tessera {
namespace {

struct PatchResult {
  std::int64_t patch = 0;
  Size2 tokens{};
  double macs = 0.0;
  double top1 = 0.0;
  double half = 0.0;  ///< of the 95 % interval of top1, by the normal approximation
  double images_per_s = 0.0;
  bool as_trained = false;
};

/// Inference on images of zeros: a median of three batches, after one to warm up.
double measure_images_per_s(const SavedModel& saved) {
  const ImageShape& image = saved.config.data.image;
  const Tensor images =
      Tensor::zeros({saved.config.data.batch_size, image.height, image.width, image.channels});
  std::array<double, 3> seconds{};
  saved.learner->predict(images);
  for (double& passed : seconds) {
    const double start = seconds_now();
    saved.learner->predict(images);
    passed = seconds_now() - start;
  }
  std::ranges::sort(seconds);
  return static_cast<double>(images.dim(0)) / seconds[1];
}

bool is_trained_with(const ModelConfig& model, std::int64_t patch) {
  const auto& sizes = model.patch_sizes;
  return sizes.empty() ? model.patch_size == Size2{patch, patch}
                       : std::ranges::find(sizes, patch) != sizes.end();
}

SavedModel with_patch(const SavedModel& saved, std::int64_t patch) {
  const std::string override = fmt::format("model.patch_size={}", patch);
  if (saved.config.model.patch_embed.type == PatchEmbedType::kConvStem &&
      saved.config.model.patch_size != Size2{patch, patch}) {
    fail<ConfigError>(
        "--patch-size {}: the convolutions of patch_embed.type conv_stem belong to patch_size "
        "{}x{} and cannot be resized",
        patch, saved.config.model.patch_size[0], saved.config.model.patch_size[1]);
  }
  return fit_saved_model(saved, {&override, 1});
}

/// Top-1 over `x`, in the order of x; the checkpoint's own patch has a mark of its own.
report::Plot plot_of(const char* title, std::vector<PatchResult> results,
                     const report::AxisConfig& x, double (*place)(const PatchResult&)) {
  using report::Series;
  std::sort(results.begin(), results.end(),
            [&](const PatchResult& a, const PatchResult& b) { return place(a) < place(b); });
  Series line{.color = "s0", .kind = Series::Kind::kLineAndDots};
  Series own{.name = "patch as trained", .color = "s1", .kind = Series::Kind::kDots};
  for (const PatchResult& result : results) {
    line.points.push_back({place(result), result.top1});
    if (result.as_trained) own.points.push_back(line.points.back());
  }
  report::Plot plot{.title = title, .x = x, .y = {.unit = report::Unit::kPercent, .low = 0.0}};
  plot.series.push_back(std::move(line));
  if (!own.points.empty()) plot.series.push_back(std::move(own));
  return plot;
}

void draw_curve(const std::string& path, const std::vector<PatchResult>& results) {
  const report::Drawing by_patch =
      draw(plot_of("Top-1 by patch size", results, {.label = "pixels", .whole = true},
                   [](const PatchResult& r) { return static_cast<double>(r.patch); }));
  const report::Drawing by_macs =
      draw(plot_of("Top-1 by arithmetic", results,
                   {.label = "multiply-adds", .unit = report::Unit::kCount, .log = true},
                   [](const PatchResult& r) { return r.macs; }));
  const report::PlacedDrawing placed[] = {{0.0, 0.0, by_patch}, {by_patch.width, 0.0, by_macs}};
  AtomicFile file(path);
  file.write(report::drawing_file(placed));
  file.commit();
}

void print_row(const PatchResult& result, const ClassificationMeter& metrics) {
  fmt::print("{:>10}{:>10}{:>10.1f}{:>16}{:>10}{:>10.4f}{:>11.0f}\n",
             fmt::format("{} {}", result.patch, result.as_trained ? "*" : " "),
             fmt::format("{}x{}", result.tokens[0], result.tokens[1]), 1e-6 * result.macs,
             fmt::format("{:.2f} ± {:.2f} %", 100.0 * metrics.top1(), 100.0 * result.half),
             fmt::format("{:.2f} %", 100.0 * metrics.top5()), metrics.loss(), result.images_per_s);
}

}  // namespace

std::vector<std::int64_t> patch_sizes_of(const EvalOptions& options, const Config& config) {
  if (!options.patch_sizes.empty() || options.curve.empty()) return options.patch_sizes;
  const std::set<std::int64_t> sizes(config.model.patch_sizes.begin(),
                                     config.model.patch_sizes.end());
  return {sizes.begin(), sizes.end()};
}

int run_patch_sizes(const EvalOptions& options, const std::vector<std::int64_t>& sizes,
                    const SavedModel& saved, const Dataset& dataset) {
  if (!options.curve.empty() && !options.curve.ends_with(".svg")) {
    fail<ConfigError>("--curve {}: is drawn as SVG; give a name that ends in .svg", options.curve);
  }
  const TestViews views = views_of(options, saved.config);
  // What cannot be fitted is said before the first is tested.
  for (const std::int64_t patch : sizes) with_patch(saved, patch);
  Json rows = Json::array();
  std::vector<PatchResult> results;
  if (!options.json) {
    fmt::print("{:>10}{:>10}{:>10}{:>16}{:>10}{:>10}{:>11}\n", "patch", "tokens", "MMACs", "top-1",
               "top-5", "loss", "images/s");
  }
  for (const std::int64_t patch : sizes) {
    const SavedModel fitted = with_patch(saved, patch);
    const ModelPlan plan = plan_model(fitted.config.model);
    const ClassificationMeter metrics = test(fitted, dataset, views);
    const double share = metrics.top1();
    results.push_back(
        {patch, plan.embed.map, static_cast<double>(plan.macs()), share,
         1.96 * std::sqrt(share * (1.0 - share) / static_cast<double>(metrics.samples())),
         measure_images_per_s(fitted), is_trained_with(saved.config.model, patch)});
    if (options.json) {
      rows.push_back({{"patch_size", patch},
                      {"tokens", plan.embed.map},
                      {"macs", plan.macs()},
                      {"top1_half_interval", results.back().half},
                      {"images_per_s", results.back().images_per_s}});
      rows.back().update(to_json(metrics, dataset, options.confusion));
    } else {
      print_row(results.back(), metrics);
    }
  }
  if (!options.curve.empty()) draw_curve(options.curve, results);
  if (options.json) {
    fmt::print("{}\n", json_text(Json{{"patch_sizes", rows}}));
  } else {
    fmt::print("* as trained; at the others {}\n± half of the 95 % interval of {}\n",
               saved.config.model.patch_sizes.empty() ? "kernels, positions and tables are resized"
                                                      : "kernels and positions are resized",
               plural(dataset.size(), "image"));
  }
  return kExitOk;
}

}  // namespace tessera
