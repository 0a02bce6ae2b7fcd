#include "cli/class_answers.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "data/sets/table_file.h"
#include "tasks/classification/meter.h"

namespace tessera {

void require_classifier(const Config& config, const std::string& command, const std::string& path,
                        const std::string& instead) {
  const TaskName task = config.task.name;
  if (task == TaskName::kClassification) return;
  const char* answers = task == TaskName::kSegmentation ? "masks"
                        : task == TaskName::kDetection  ? "boxes"
                                                        : "pixels";
  fail<ConfigError>("{}: is for classifiers, and {} answers with {}; {}", command, shown(path),
                    answers, instead);
}

std::int64_t ClassAnswer::predicted() const {
  return std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
}

VisitBatch collect_answers(const Dataset& dataset, std::vector<ClassAnswer>& answers) {
  return [&dataset, &answers](std::span<const Tensor> outputs, const Batch& batch) {
    const Tensor& logits = outputs.front();
    const auto classes = static_cast<std::size_t>(logits.dim(1));
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      const std::vector<double> p = probabilities_of(logits.span().subspan(i * classes, classes));
      answers.push_back({dataset.sample_name(batch.samples[i]),
                         batch.labels.span<std::int32_t>()[i],
                         std::vector<float>(p.begin(), p.end())});
    }
    return true;
  };
}

void write_answers(const std::filesystem::path& path, const std::vector<ClassAnswer>& answers,
                   const std::vector<std::string>& names) {
  AtomicFile file(path);
  std::string text = "image,label,predicted,probability";
  for (const std::string& name : names) text += ',' + csv_field(name);
  file.write(text + '\n');
  for (const ClassAnswer& answer : answers) {
    const auto name_of = [&](std::int64_t k) {
      return csv_field(names[static_cast<std::size_t>(k)]);
    };
    text = fmt::format("{},{},{},{:.6f}", csv_field(answer.image), name_of(answer.label),
                       name_of(answer.predicted()), answer.confidence());
    for (const float p : answer.probabilities) text += fmt::format(",{:.6f}", p);
    file.write(text + '\n');
  }
  file.commit();
}

}  // namespace tessera
