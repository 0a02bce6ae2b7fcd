#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/error.h"
#include "data/images/image.h"
#include "formats/json.h"
#include "train/log.h"
#include "train/model_input.h"
#include "train/readable.h"
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

class Predictor {
 public:
  explicit Predictor(const PredictOptions& options)
      : saved_(load_saved_model(options.path)),
        names_(class_names_up_to(saved_.config.model.num_classes,
                                 dataset_info(saved_.config.data).class_names)),
        top_(options.top) {}

  /// Throws DataError if the file is no image that can be read.
  std::vector<Guess> guess(const std::string& file) {
    const Image photo = load_image(file, saved_.config.model.in_channels);
    return best_guesses(saved_.learner->predict(model_input(photo, saved_.config)), names_, top_);
  }

 private:
  SavedModel saved_;
  std::vector<std::string> names_;
  int top_;
};

Json to_json(const std::vector<Guess>& guesses) {
  Json classes = Json::array();
  for (const Guess& guess : guesses) {
    classes.push_back({{"class", guess.name}, {"probability", guess.probability}});
  }
  return classes;
}

void print(const std::string& file, const std::vector<Guess>& guesses) {
  fmt::print("{}\n", file);
  for (const Guess& guess : guesses) {
    fmt::print("  {:>6.2f} %  {}\n", 100.0 * guess.probability, guess.name);
  }
}

/// A file that cannot be read is one line, and an `error` of its own in JSON; the others go on.
int run(const PredictOptions& options) {
  Predictor predictor(options);
  Json json = Json::array();
  int code = kExitOk;
  for (const std::string& file : options.images) {
    try {
      const std::vector<Guess> guesses = predictor.guess(file);
      if (!options.json) print(file, guesses);
      json.push_back({{"image", file}, {"classes", to_json(guesses)}});
    } catch (const DataError& error) {
      notice("tessera: {}", error.what());
      json.push_back({{"image", file}, {"error", error.what()}});
      code = kExitFailed;
    }
  }
  if (options.json) fmt::print("{}\n", json_text(json, 2));
  return code;
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
  arguments.footer(
      "A file that cannot be read is named, the others are classified, and the exit code is 1.");
  return [options] { return run(*options); };
}

}  // namespace tessera
