#include "train/answers_file.h"

#include <fmt/format.h>

#include <sstream>

#include "core/atomic_file.h"
#include "core/posix.h"
#include "tasks/classification/meter.h"

namespace tessera {
namespace {

constexpr char kUnread = '-';

}  // namespace

void note_right_answers(const Tensor& logits, const Batch& batch, std::string& right) {
  const auto classes = static_cast<std::size_t>(logits.dim(1));
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    const auto sample = static_cast<std::size_t>(batch.samples[i]);
    if (sample >= right.size()) right.resize(sample + 1, kUnread);
    const Prediction answer = prediction_of(logits.span().subspan(i * classes, classes));
    right[sample] = answer.predicted == batch.labels.span<std::int32_t>()[i] ? '1' : '0';
  }
}

void AnswersWriter::on_evaluated(std::int64_t, std::span<const Tensor> outputs, const Batch& batch,
                                 std::int64_t) {
  note_right_answers(outputs.front(), batch, right_);
}

void AnswersWriter::on_evaluation(const EvaluationRecord& record, const TimingRecord&, bool) {
  std::string all;
  for (const std::string& part : ranks_.gather_bytes(right_)) {
    if (part.size() > all.size()) all.resize(part.size(), kUnread);
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] != kUnread) all[i] = part[i];
    }
  }
  right_.clear();
  if (ranks_.leads()) write_atomically(path_, fmt::format("{}\n{}\n", record.step, all));
}

std::string read_right_answers(const std::filesystem::path& path, std::int64_t step) {
  std::istringstream file(read_if_there(path).value_or(""));
  std::string first, second;
  if (!std::getline(file, first) || !std::getline(file, second)) return "";
  return first == fmt::to_string(step) ? second : "";
}

}  // namespace tessera
