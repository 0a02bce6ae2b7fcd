#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "cli/arguments.h"
#include "cli/class_answers.h"
#include "cli/commands.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/text.h"
#include "data/sets/skip_list.h"
#include "data/sets/table_file.h"
#include "formats/json.h"
#include "tasks/classification/label_errors.h"
#include "train/log.h"
#include "train/open_split.h"
#include "train/readable.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

struct MistakesOptions {
  std::vector<std::string> runs;
  std::string split = "val";
  int top = 10;
  std::string skip_file;
  std::string relabel_file;
  bool json = false;
};

struct Answers {
  std::vector<std::string> names;  ///< of classes
  std::vector<ClassAnswer> all;
};

/// The answers of one run on its own split, appended. Runs of several folds have other images each.
void add_run(const std::string& path, const MistakesOptions& options, Answers& answers) {
  const SavedModel saved = load_saved_model(path);
  if (saved.config.train.threads > 0) set_num_threads(saved.config.train.threads);
  require_classifier(saved.config, "mistakes", path,
                     "tessera report shows the images that it gets most wrong");
  const Split split = options.split == "train"  ? Split::kTrain
                      : options.split == "test" ? Split::kTest
                                                : Split::kVal;
  const std::unique_ptr<Dataset> dataset = open_split(saved.config, split);
  const std::vector<std::string> names =
      class_names_up_to(saved.config.model.num_classes, dataset->class_names());
  if (answers.names.empty()) answers.names = names;
  if (answers.names != names) {
    fail<ConfigError>("mistakes: {} knows other classes than {}", shown(path),
                      shown(options.runs.front()));
  }
  Loader loader(*dataset, evaluation_options(saved.config.data));
  const std::unique_ptr<Meter> meter = saved.learner->task().evaluation_meter();
  evaluate(*saved.learner, loader, *meter, collect_answers(*dataset, answers.all));
  for (const std::string& warning : loader.take_warnings()) notice("{}", warning);
}

/// An image that several runs have seen would count twice.
void check_images(const Answers& answers) {
  std::set<std::string_view> seen;
  for (const ClassAnswer& answer : answers.all) {
    if (seen.insert(answer.image).second) continue;
    fail<ConfigError>(
        "mistakes: two of the runs have {} in their split: give the runs of the folds of one data "
        "set (data.folds), or one run",
        quoted(answer.image));
  }
}

struct Lists {
  std::vector<const ClassAnswer*> wrong;   ///< the most confident first
  std::vector<const ClassAnswer*> unsure;  ///< right, the least confident first
  std::vector<LabelError> label_errors;
};

Lists lists_of(const Answers& answers) {
  Lists lists;
  std::vector<float> probabilities;
  std::vector<std::int64_t> labels;
  for (const ClassAnswer& answer : answers.all) {
    (answer.is_right() ? lists.unsure : lists.wrong).push_back(&answer);
    probabilities.insert(probabilities.end(), answer.probabilities.begin(),
                         answer.probabilities.end());
    labels.push_back(answer.label);
  }
  std::ranges::stable_sort(lists.wrong, std::greater<>(), &ClassAnswer::confidence);
  std::ranges::stable_sort(lists.unsure, std::less<>(), &ClassAnswer::confidence);
  lists.label_errors =
      find_label_errors(probabilities, labels, static_cast<std::int64_t>(answers.names.size()));
  return lists;
}

class Writer {
 public:
  Writer(const Answers& answers, const Lists& lists) : answers_(answers), lists_(lists) {}

  void print(std::size_t top) const {
    fmt::print("{} of {} are wrong\n", lists_.wrong.size(),
               plural(static_cast<std::int64_t>(answers_.all.size()), "image"));
    print_list("wrong, and the most certain", lists_.wrong, top);
    print_list("right, and the least certain", lists_.unsure, top);
    if (lists_.label_errors.empty()) {
      fmt::print("\nno label looks wrong\n");
      return;
    }
    fmt::print("\nlabels that may be wrong: {}\n", lists_.label_errors.size());
    for (std::size_t i = 0; i < std::min(top, lists_.label_errors.size()); ++i) {
      const LabelError& error = lists_.label_errors[i];
      const ClassAnswer& answer = answer_of(error);
      fmt::print("  {:>6.2f} %  {}, not {}  {}\n", 100.0 * probability(answer, error.suggested),
                 name(error.suggested), name(answer.label), shown(answer.image));
    }
  }

  Json json(std::size_t top) const {
    const auto list = [&](const std::vector<const ClassAnswer*>& answers) {
      Json rows = Json::array();
      for (std::size_t i = 0; i < std::min(top, answers.size()); ++i) {
        rows.push_back({{"image", answers[i]->image},
                        {"label", name(answers[i]->label)},
                        {"predicted", name(answers[i]->predicted())},
                        {"probability", answers[i]->confidence()}});
      }
      return rows;
    };
    Json errors = Json::array();
    for (const LabelError& error : lists_.label_errors) {
      const ClassAnswer& answer = answer_of(error);
      errors.push_back({{"image", answer.image},
                        {"label", name(answer.label)},
                        {"suggested", name(error.suggested)},
                        {"margin", error.margin}});
    }
    return {{"images", answers_.all.size()},
            {"wrong", lists_.wrong.size()},
            {"most_certain_wrong", list(lists_.wrong)},
            {"least_certain_right", list(lists_.unsure)},
            {"label_errors", std::move(errors)}};
  }

  /// As data.skip takes it.
  void write_skip(const std::string& path) const {
    std::string text = "# labels that are probably wrong\n";
    for (const LabelError& error : lists_.label_errors) {
      text += skip_line(answer_of(error).image) + '\n';
    }
    write_atomically(path, text);
  }

  /// All images under what is probably their class, as data.train_list takes it.
  void write_relabelled(const std::string& path) const {
    std::vector<std::int64_t> labels;
    for (const ClassAnswer& answer : answers_.all) labels.push_back(answer.label);
    for (const LabelError& error : lists_.label_errors) {
      labels[static_cast<std::size_t>(error.sample)] = error.suggested;
    }
    std::string text = "path,label\n";
    for (std::size_t i = 0; i < labels.size(); ++i) {
      text += csv_field(answers_.all[i].image) + ',' + csv_field(name(labels[i])) + '\n';
    }
    write_atomically(path, text);
  }

 private:
  const std::string& name(std::int64_t k) const {
    return answers_.names[static_cast<std::size_t>(k)];
  }

  const ClassAnswer& answer_of(const LabelError& error) const {
    return answers_.all[static_cast<std::size_t>(error.sample)];
  }

  static double probability(const ClassAnswer& answer, std::int64_t k) {
    return double{answer.probabilities[static_cast<std::size_t>(k)]};
  }

  void print_list(const char* title, const std::vector<const ClassAnswer*>& answers,
                  std::size_t top) const {
    if (answers.empty()) return;
    fmt::print("\n{}:\n", title);
    for (std::size_t i = 0; i < std::min(top, answers.size()); ++i) {
      const ClassAnswer& answer = *answers[i];
      fmt::print("  {:>6.2f} %  {}", 100.0 * answer.confidence(), name(answer.predicted()));
      if (!answer.is_right()) fmt::print(", labelled {}", name(answer.label));
      fmt::print("  {}\n", shown(answer.image));
    }
  }

  const Answers& answers_;
  const Lists& lists_;
};

int run(const MistakesOptions& options) {
  Answers answers;
  for (const std::string& path : options.runs) add_run(path, options, answers);
  check_images(answers);
  if (options.split == "train") {
    notice("the model was trained on these images: labels that it has learned by heart look right");
  }
  const Lists lists = lists_of(answers);
  constexpr double kWeak = 0.7;
  const double right =
      1.0 - static_cast<double>(lists.wrong.size()) / static_cast<double>(answers.all.size());
  if (right < kWeak) {
    notice(
        "the model is right on {:.0f} % of these images: most of the labels that look wrong are "
        "its "
        "own mistakes; look at them before leaving any out",
        100.0 * right);
  }
  const Writer writer(answers, lists);
  if (options.json) {
    fmt::print("{}\n", json_text(writer.json(static_cast<std::size_t>(options.top)), 2));
  } else {
    writer.print(static_cast<std::size_t>(options.top));
  }
  if (!options.skip_file.empty()) {
    writer.write_skip(options.skip_file);
    notice("{}: {} to leave out; data.skip: {} does so", options.skip_file,
           plural(static_cast<std::int64_t>(lists.label_errors.size()), "image"),
           options.skip_file);
  }
  if (!options.relabel_file.empty()) writer.write_relabelled(options.relabel_file);
  return kExitOk;
}

}  // namespace

Action add_mistakes_command(Arguments& arguments) {
  auto options = std::make_shared<MistakesOptions>();
  arguments
      .add_option("runs", options->runs,
                  "Run, or the runs of all folds of a data set: then every image is judged by a "
                  "model that has not seen it")
      .required();
  arguments.add_option("--split", options->split, "val, test or train")
      .one_of({"val", "test", "train"})
      .with_default();
  arguments.add_option("--top", options->top, "Images of each list")
      .between(1, 1000000)
      .with_default();
  arguments.add_option(
      "--write-skip", options->skip_file,
      "File for the images whose labels are probably wrong, as data.skip takes it");
  arguments.add_option("--write-list", options->relabel_file,
                       "CSV of all images looked at under what is probably their class, as "
                       "data.train_list takes it");
  arguments.add_flag("--json", options->json, "Print one JSON object");
  arguments.footer("Labels are judged by confident learning (arXiv:1911.00068).");
  return [options] { return run(*options); };
}

}  // namespace tessera
