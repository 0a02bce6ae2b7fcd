// A trained classifier that another one learns from: knowledge distillation, arXiv:1503.02531,
// arXiv:2012.12877 section 4.
#pragma once

#include <memory>
#include <string>

#include "core/tape.h"
#include "data/dataset_info.h"
#include "train/train_config.h"

namespace tessera {

struct SavedModel;

/// The model of `train.teacher`, which is only asked: its weights stay as they are, nothing is
/// dropped, and it sees what the student sees, normalised in its own way.
class Teacher {
 public:
  /// Loads it. Throws CheckpointError, and ConfigError if the two do not take the same images or
  /// tell the same classes apart.
  explicit Teacher(const Config& student);
  ~Teacher();
  Teacher(const Teacher&) = delete;
  Teacher& operator=(const Teacher&) = delete;

  /// (1 - weight) loss + weight times how far the student's logits [B, K] are from what the teacher
  /// says of the student's images [B, H, W, C]: soft: ops::distillation; hard: the cross entropy
  /// with the class that it takes an image for.
  Var guide(Tape& tape, const Var& loss, const Var& logits, const Tensor& images) const;

  /// [B, K] f32
  Tensor logits(const Tensor& images) const;

  /// What it is and what it costs an update, a line.
  std::string text() const;

 private:
  TeacherConfig config_;
  double student_macs_;
  Normalization normalization_;  ///< of the student
  std::unique_ptr<SavedModel> saved_;
};

/// Nothing if the configuration names none.
std::shared_ptr<const Teacher> find_teacher(const Config& config);

}  // namespace tessera
