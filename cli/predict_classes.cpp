#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "cli/predict.h"
#include "core/text.h"
#include "data/dataset_info.h"
#include "data/sets/table_file.h"
#include "tasks/classification/meter.h"
#include "train/readable.h"

namespace tessera {
namespace {

struct Guess {
  std::string name;
  double probability;
};

using Guesses = std::vector<Guess>;

constexpr const char* kUnsure = "unsure";

/// How guesses of one photo are written.
class Format {
 public:
  virtual ~Format() = default;
  virtual void write(const std::string& photo, const Guesses& guesses) = 0;
  virtual void write_problem(const Photo&) {}
  virtual void finish() {}
};

/// A photo on a line, the class in a column as wide as the longest name.
class Table final : public Format {
 public:
  explicit Table(const std::vector<std::string>& names) {
    constexpr std::size_t kWidest = 24;
    width_ = std::string_view(kUnsure).size();
    for (const std::string& name : names) {
      width_ = std::min(std::max(width_, columns_of(name)), kWidest);
    }
  }

  void write(const std::string& photo, const Guesses& guesses) override {
    std::string line;
    for (const Guess& guess : guesses) {
      line += fmt::format("{:>6.2f} %  {}  ", 100.0 * guess.probability, padded(guess.name));
    }
    if (guesses.empty()) line = fmt::format("       -  {}  ", padded(kUnsure));
    fmt::print("{}{}\n", line, shown(photo));
  }

 private:
  static std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
    }));
  }

  std::string padded(const std::string& name) const {
    return name + std::string(width_ - std::min(width_, columns_of(name)), ' ');
  }

  std::size_t width_;
};

/// The guesses on one photo, below each other.
class Block final : public Format {
 public:
  void write(const std::string& photo, const Guesses& guesses) override {
    fmt::print("{}\n", shown(photo));
    for (const Guess& guess : guesses) {
      fmt::print("  {:>6.2f} %  {}\n", 100.0 * guess.probability, guess.name);
    }
    if (guesses.empty()) fmt::print("       -    {}\n", kUnsure);
  }
};

/// `image,class,probability`, and so on for further guesses; cells of guesses not given are empty.
class Csv final : public Format {
 public:
  explicit Csv(int top) : top_(top) {
    std::string line = "image,class,probability";
    for (int i = 2; i <= top; ++i) line += fmt::format(",class_{0},probability_{0}", i);
    fmt::print("{}\n", line);
  }

  void write(const std::string& photo, const Guesses& guesses) override {
    std::string line = csv_field(photo);
    for (std::size_t i = 0; i < static_cast<std::size_t>(top_); ++i) {
      line += i < guesses.size()
                  ? fmt::format(",{},{:.6f}", csv_field(guesses[i].name), guesses[i].probability)
                  : ",,";
    }
    fmt::print("{}\n", line);
  }

 private:
  int top_;
};

class JsonFormat final : public Format {
 public:
  explicit JsonFormat(bool as_lines) : records_(as_lines) {}

  void write(const std::string& photo, const Guesses& guesses) override {
    Json classes = Json::array();
    for (const Guess& guess : guesses) {
      classes.push_back({{"class", guess.name}, {"probability", guess.probability}});
    }
    records_.write({{"image", photo}, {"classes", classes}});
  }

  void write_problem(const Photo& photo) override {
    records_.write({{"image", photo.file.name}, {"error", photo.problem}});
  }

  void finish() override { records_.finish(); }

 private:
  JsonRecords records_;
};

/// The classes of a photo, the most probable first.
class ClassPredictions final : public Predictions {
 public:
  ClassPredictions(const Config& config, const PredictOptions& options)
      : names_(class_names_up_to(config.model.num_classes, dataset_info(config.data).class_names)),
        threshold_(options.threshold) {
    const bool is_json = options.format.starts_with("json");
    const int suitable = is_json || options.one_photo ? 5 : 1;
    top_ = std::min(options.top > 0 ? options.top : suitable, static_cast<int>(names_.size()));
    if (!options.copy_to.empty()) folders_.emplace(options.copy_to);
    if (is_json) {
      format_ = std::make_unique<JsonFormat>(options.format == "jsonl");
    } else if (options.format == "csv") {
      format_ = std::make_unique<Csv>(top_);
    } else if (options.one_photo) {
      format_ = std::make_unique<Block>();
    } else {
      format_ = std::make_unique<Table>(names_);
    }
  }

  void write(const Photo& photo, std::span<const Tensor> outputs) override {
    const Guesses guesses = best_guesses(outputs.front());
    if (folders_) folders_->copy(photo.file, guesses.empty() ? kUnsure : guesses.front().name);
    format_->write(photo.file.name, guesses);
  }

  void write_problem(const Photo& photo) override { format_->write_problem(photo); }

  void finish() override { format_->finish(); }

 private:
  /// `logits` [1, K]. Of equal ones the first class comes first.
  Guesses best_guesses(const Tensor& logits) const {
    const std::span<const float> values = logits.span();
    const std::vector<double> probabilities = probabilities_of(values);
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto end = order.begin() + top_;
    std::partial_sort(order.begin(), end, order.end(), [&](std::size_t a, std::size_t b) {
      return values[a] != values[b] ? values[a] > values[b] : a < b;
    });
    Guesses guesses;
    for (auto at = order.begin(); at != end; ++at) {
      const double probability = probabilities[*at];
      if (probability >= threshold_) guesses.push_back({names_[*at], probability});
    }
    return guesses;
  }

  std::vector<std::string> names_;
  double threshold_;
  int top_ = 1;
  std::optional<ClassFolders> folders_;
  std::unique_ptr<Format> format_;
};

}  // namespace

std::unique_ptr<Predictions> make_class_predictions(const Config& config,
                                                    const PredictOptions& options) {
  return std::make_unique<ClassPredictions>(config, options);
}

}  // namespace tessera
