#include <fmt/core.h>

#include <cmath>
#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/parallel.h"
#include "formats/json.h"
#include "report/plot/plot.h"
#include "report/plot/text_plot.h"
#include "train/config/config.h"
#include "train/initial_model.h"
#include "train/log.h"
#include "train/lr_range.h"
#include "train/open_split.h"

namespace tessera {
namespace {

struct LrFindOptions {
  std::string config;
  std::vector<std::string> overrides;
  LrRangeOptions range;
  std::string out = "lr_find.svg";
  bool json = false;
};

LrRange test(const LrFindOptions& options) {
  Config config = load_config(options.config, options.overrides);
  if (config.train.threads > 0) set_num_threads(config.train.threads);
  const std::unique_ptr<Dataset> train = open_split(config, Split::kTrain);
  std::optional<InitialModel> initial;
  if (!config.init.weights.empty()) initial = load_initial_model(config);
  if (initial) adopt_norms(config.model, initial->model->config());
  Log log;
  std::int64_t step = 0;
  return test_lr_range(config, *train, options.range,
                       initial ? &initial->model->parameters : nullptr,
                       [&](const LrRangePoint& point) {
                         log.status(fmt::format("step {}/{}  lr {:.2e}  loss {:.4f}", ++step,
                                                options.range.steps, point.lr, point.loss));
                       });
}

/// Loss over learning rate, with the suggestion.
report::Plot plot_of(const LrRange& range) {
  using report::Series;
  Series each{.name = "each update", .color = "faint"};
  Series smooth{.name = "smooth", .color = "s0"};
  Series suggested{.name = "suggestion", .color = "s1", .kind = Series::Kind::kDots};
  for (const LrRangePoint& point : range.points) {
    each.points.push_back({point.lr, point.loss});
    smooth.points.push_back({point.lr, point.smooth});
  }
  std::vector<Series> series = {each, smooth};
  if (range.suggestion) {
    const auto at = std::min_element(range.points.begin(), range.points.end(),
                                     [&](const auto& a, const auto& b) {
                                       return std::abs(std::log(a.lr / *range.suggestion)) <
                                              std::abs(std::log(b.lr / *range.suggestion));
                                     });
    suggested.points.push_back({*range.suggestion, at->smooth});
    suggested.labels.push_back(fmt::format("{:.1e}", *range.suggestion));
    series.push_back(suggested);
  }
  return {.title = "Loss by learning rate",
          .x = {.label = "learning rate", .log = true, .tight = true},
          .y = {},
          .series = std::move(series),
          .width = 560.0,
          .height = 340.0};
}

void write_picture(const LrRange& range, const std::string& path) {
  const report::PlacedDrawing drawing{0.0, 0.0, report::draw(plot_of(range))};
  AtomicFile file(path);
  file.write(report::drawing_file({&drawing, 1}));
  file.commit();
}

void print_json(const LrRange& range) {
  Json json = {{"suggestion", nullptr},
               {"lowest", range.lowest},
               {"diverged", range.diverged},
               {"points", Json::array()}};
  if (range.suggestion) json["suggestion"] = *range.suggestion;
  for (const LrRangePoint& point : range.points) {
    json["points"].push_back({{"lr", point.lr}, {"loss", point.loss}, {"smooth", point.smooth}});
  }
  fmt::print("{}\n", json_text(json, 2));
}

void print_text(const LrRange& range, const std::string& picture) {
  for (const std::string& line :
       report::draw_text(plot_of(range), {.columns = 80, .rows = 16}, wants_color())) {
    fmt::print("{}\n", line);
  }
  fmt::print("Loss lowest at {:.1e}, {} {:.1e}. Picture: {}\n", range.lowest,
             range.diverged ? "diverged at" : "not diverged up to", range.points.back().lr,
             picture);
  if (range.suggestion) fmt::print("Suggestion: --set optim.lr={:.1e}\n", *range.suggestion);
}

int run(const LrFindOptions& options) {
  const LrRange range = test(options);
  write_picture(range, options.out);
  if (options.json) {
    print_json(range);
  } else {
    print_text(range, options.out);
  }
  if (!range.suggestion) {
    fail<Error>("lr-find: the loss did not fall by a twentieth between {:.1e} and {:.1e}; {}",
                options.range.from, range.points.back().lr,
                range.diverged ? "lower --from" : "raise --to or --steps");
  }
  return kExitOk;
}

}  // namespace

Action add_lr_find_command(Arguments& arguments) {
  auto options = std::make_shared<LrFindOptions>();
  arguments.add_option("config", options->config, "Configuration file (YAML)").required();
  arguments.add_option("--set", options->overrides, "Override a key: --set data.batch_size=64")
      .repeated();
  arguments.add_option("--from", options->range.from, "First learning rate").with_default();
  arguments.add_option("--to", options->range.to, "Last learning rate").with_default();
  arguments.add_option("--steps", options->range.steps, "Updates")
      .between(10, 1000000)
      .with_default();
  arguments.add_option("--out", options->out, "Picture of loss by learning rate (SVG)")
      .with_default();
  arguments.add_flag("--json", options->json, "Print one JSON object");
  arguments.footer(
      "Trains a fresh model while the learning rate rises, until the loss diverges. The suggestion "
      "is for optim.lr, the largest rate of a schedule with a warm-up.");
  return [options] { return run(*options); };
}

}  // namespace tessera
