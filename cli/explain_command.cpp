#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>

#include "cli/arguments.h"
#include "cli/class_answers.h"
#include "cli/commands.h"
#include "core/error.h"
#include "core/text.h"
#include "data/images/canvas.h"
#include "layers/stage_plan.h"
#include "report/probes/attention_picture.h"
#include "report/probes/class_map.h"
#include "tasks/classification/meter.h"
#include "train/config/closest.h"
#include "train/log.h"
#include "train/model_input.h"
#include "train/readable.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

struct ExplainOptions {
  std::string path;
  std::string image;
  std::string out;
  std::vector<std::string> classes;
  int top = 3;
  bool rollout = false;
};

/// A map over the photo, and what stands above it.
struct Panel {
  std::string title;
  AttentionMap place;  ///< what of the image a value stands for
  Tensor values;       ///< [h, w]

  Panel(std::string text, Size2 cell, const Tensor& map) : title(std::move(text)), values(map) {
    place.cell = cell;
    place.heads = map.slice(0, {1, map.dim(0), map.dim(1)});
  }
};

Image picture_of(const Image& photo, const std::vector<Panel>& panels, Size2 image_size,
                 const std::string& text) {
  constexpr std::int64_t kLonger = 320, kMargin = 24, kGap = 20, kLine = 26;
  constexpr Color kPaper{255, 255, 255}, kInk{40, 40, 48};
  const Image small = panel_of(photo, kLonger);
  std::int64_t column = small.shape.width;
  for (const Panel& panel : panels) column = std::max(column, Canvas::text_width(panel.title));
  const auto columns = static_cast<std::int64_t>(panels.size()) + 1;
  const std::int64_t width =
      std::max(columns * column + (columns - 1) * kGap, Canvas::text_width(text));
  Canvas canvas(2 * kMargin + 2 * kLine + small.shape.height, width + 2 * kMargin, kPaper);
  canvas.text(kMargin, kMargin, text, kInk);
  const std::int64_t y = kMargin + kLine;
  canvas.draw(y + kLine, kMargin, small);
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const std::int64_t x = kMargin + (static_cast<std::int64_t>(i) + 1) * (column + kGap);
    canvas.text(y, x, panels[i].title, kInk);
    canvas.draw(y + kLine, x,
                overlay_attention(small, panels[i].place, panels[i].values, image_size));
  }
  return canvas.image();
}

/// The classes that were asked for, else the likeliest.
std::vector<std::int64_t> chosen_classes(const ExplainOptions& options,
                                         const std::vector<std::string>& names,
                                         std::span<const float> logits) {
  std::vector<std::int64_t> classes;
  for (const std::string& name : options.classes) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) {
      const auto guess = closest(name, names);
      fail<ConfigError>("--class: the model knows no class {}{}", quoted(name),
                        guess ? fmt::format("; did you mean {}?", quoted(*guess)) : "");
    }
    classes.push_back(found - names.begin());
  }
  if (!classes.empty()) return classes;
  classes.resize(names.size());
  std::iota(classes.begin(), classes.end(), std::int64_t{0});
  std::ranges::stable_sort(classes, [&](std::int64_t a, std::int64_t b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  classes.resize(std::min(classes.size(), static_cast<std::size_t>(options.top)));
  return classes;
}

int run(const ExplainOptions& options) {
  const SavedModel saved = load_saved_model(options.path);
  require_classifier(saved.config, "explain", options.path,
                     "tessera attention draws where it looks");
  const ModelConfig& model = saved.config.model;
  const Image photo = load_image(options.image, 3);
  const Image own = model.in_channels == 3 ? photo : load_image(options.image, model.in_channels);
  const Tensor input = model_input(own, saved.config);
  ModelTrace trace;
  const Tensor logits = saved.learner->predict(input, nullptr, &trace);
  const std::vector<std::string> names =
      class_names_up_to(model.num_classes, dataset_info(saved.config.data).class_names);
  const std::vector<std::int64_t> classes = chosen_classes(options, names, logits.span());
  const std::vector<double> shares = probabilities_of(logits.span());
  const std::string file = std::filesystem::path(options.image).filename().string();
  std::vector<Panel> panels;
  std::string text;
  if (options.rollout) {
    text = fmt::format("{}: what the answer takes from each patch (attention rollout)", file);
    const auto best = static_cast<std::size_t>(classes.front());
    panels.emplace_back(fmt::format("{} {:.1f} %", names[best], 100.0 * shares[best]),
                        model.patch_size, report::attention_rollout(trace, model));
  } else {
    text =
        fmt::format("{}: what speaks for a class (Grad-CAM, last stage); each its own scale", file);
    for (const ParameterStore::Entry& entry : saved.learner->model().parameters.entries()) {
      entry.parameter->frozen = true;
    }
    const auto stage = static_cast<std::int64_t>(plan_model(model).stages.size()) - 1;
    const Size2 cell{model.patch_size[0] << stage, model.patch_size[1] << stage};
    const std::vector<Tensor> maps = report::class_maps(saved.learner->model(), input, classes);
    for (std::size_t i = 0; i < classes.size(); ++i) {
      const auto k = static_cast<std::size_t>(classes[i]);
      panels.emplace_back(fmt::format("{} {:.1f} %", names[k], 100.0 * shares[k]), cell, maps[i]);
    }
  }
  const Image picture = picture_of(seen_image(photo, saved.config), panels, model.image_size, text);
  write_png(options.out, picture);
  notice("{}: {} x {} pixels", options.out, picture.shape.width, picture.shape.height);
  return kExitOk;
}

}  // namespace

Action add_explain_command(Arguments& arguments) {
  auto options = std::make_shared<ExplainOptions>();
  arguments.add_option("path", options->path, "Run (its best checkpoint) or checkpoint folder")
      .required();
  arguments.add_option("image", options->image, "JPEG, PNG, WebP or BMP file").required();
  arguments.add_option("--out", options->out, "PNG file").required();
  const Argument classes =
      arguments.add_option("--class", options->classes, "Class to explain (the likeliest)")
          .repeated();
  arguments.add_option("--top", options->top, "How many of the likeliest classes")
      .between(1, 24)
      .with_default()
      .excludes(classes);
  arguments.add_flag("--rollout", options->rollout,
                     "ViT: attention followed through all blocks; the same for every class");
  arguments.footer(
      "Bright is what raises the logit of the class; what speaks against it stays dark.");
  return [options] { return run(*options); };
}

}  // namespace tessera
