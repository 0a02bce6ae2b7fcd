// Which images a classifier answered rightly when it was evaluated last, so that two runs can be
// compared image by image.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "distributed/communicator.h"
#include "train/observer.h"

namespace tessera {

/// Notes which images of `batch` its logits [B, K] answer rightly in `right`, one character each,
/// as the file has them.
void note_right_answers(const Tensor& logits, const Batch& batch, std::string& right);

/// Writes `val_right.txt`, anew at each evaluation: the update in the first line, in the second a
/// `1` for each image of validation that is answered rightly, `0` for each that is not, `-` for
/// what could not be read. Of several ranks each notes the answers to its batches, and the first
/// writes those of all: every rank has one, for all take part.
class AnswersWriter final : public TrainingObserver {
 public:
  /// `path` is that of the first rank alone.
  AnswersWriter(Communicator& ranks, std::filesystem::path path)
      : ranks_(ranks), path_(std::move(path)) {}

  void on_evaluated(std::int64_t epoch, std::span<const Tensor> outputs, const Batch& batch,
                    std::int64_t total) override;

  /// Together with all other ranks. Throws CheckpointError if it cannot be written.
  void on_evaluation(const EvaluationRecord& record, const TimingRecord& timing,
                     bool is_best) override;

 private:
  Communicator& ranks_;
  std::filesystem::path path_;
  std::string right_;
};

/// The second line of the file, if the first names `step`; else nothing, as without a file. Throws
/// CheckpointError if it cannot be read.
std::string read_right_answers(const std::filesystem::path& path, std::int64_t step);

}  // namespace tessera
