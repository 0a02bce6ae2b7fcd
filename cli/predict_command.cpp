#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "data/images/image.h"
#include "formats/json.h"
#include "train/class_names.h"
#include "train/model_input.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

struct PredictOptions {
  std::string path;
  std::vector<std::string> images;
  int top = 5;
  bool json = false;
};

struct Guess {
  std::string name;
  double probability;
};

/// The `top` most probable classes, most probable first.
std::vector<Guess> best_guesses(const Tensor& logits, const std::vector<std::string>& names,
                                int top) {
  const std::span<const float> values = logits.span();
  const double largest = double{*std::max_element(values.begin(), values.end())};
  std::vector<double> probabilities;
  for (const float value : values) probabilities.push_back(std::exp(double{value} - largest));
  const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
  std::vector<Guess> guesses;
  for (const std::size_t k : order) {
    guesses.push_back({names[k], probabilities[k] / sum});
  }
  return guesses;
}

int run(const PredictOptions& options) {
  SavedModel saved = load_saved_model(options.path);
  const std::vector<std::string> names = class_names_up_to(
      saved.config.model.num_classes, dataset_info(saved.config.data).class_names);
  Json json = Json::array();
  for (const std::string& file : options.images) {
    const Image photo = load_image(file, saved.config.model.in_channels);
    const Tensor logits = saved.learner->predict(model_input(photo, saved.config));
    const std::vector<Guess> guesses = best_guesses(logits, names, options.top);
    if (options.json) {
      Json classes = Json::array();
      for (const Guess& guess : guesses) {
        classes.push_back({{"class", guess.name}, {"probability", guess.probability}});
      }
      json.push_back({{"image", file}, {"classes", classes}});
      continue;
    }
    fmt::print("{}\n", file);
    for (const Guess& guess : guesses) {
      fmt::print("  {:>6.2f} %  {}\n", 100.0 * guess.probability, guess.name);
    }
  }
  if (options.json) fmt::print("{}\n", json_text(json, 2));
  return kExitOk;
}

}  // namespace

Action add_predict_command(Arguments& arguments) {
  auto options = std::make_shared<PredictOptions>();
  arguments.add_option("path", options->path, "Run (its best checkpoint) or checkpoint folder")
      .required();
  arguments
      .add_option("images", options->images,
                  "JPEG, PNG, WebP or BMP files, scaled to the model's size")
      .required();
  arguments.add_option("--top", options->top, "Classes to show").between(1, 1000000).with_default();
  arguments.add_flag("--json", options->json, "Print one JSON array");
  return [options] { return run(*options); };
}

}  // namespace tessera
