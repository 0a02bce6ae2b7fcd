#include "train/teacher.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/text.h"
#include "layers/stage_plan.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

void check_fits(const Config& teacher, const Config& student) {
  const std::string& run = student.train.teacher.run;
  const auto refuse = [&](const std::string& why) {
    fail<ConfigError>("train.teacher: {} {}", shown(run), why);
  };
  const ModelConfig &own = student.model, &theirs = teacher.model;
  if (teacher.task.name != TaskName::kClassification) refuse("is no classifier");
  if (theirs.num_classes != own.num_classes) {
    refuse(
        fmt::format("tells {} classes apart, the model {}", theirs.num_classes, own.num_classes));
  }
  if (theirs.image_size != own.image_size || theirs.in_channels != own.in_channels) {
    refuse(fmt::format("takes images of {} in {} channels, the model of {} in {}",
                       by(theirs.image_size), theirs.in_channels, by(own.image_size),
                       own.in_channels));
  }
  if (!teacher.has_data || !student.has_data) return;
  const std::vector<std::string> names = dataset_info(teacher.data).class_names;
  const std::vector<std::string> wanted = dataset_info(student.data).class_names;
  if (names.empty() || wanted.empty()) return;
  const auto [a, b] = std::ranges::mismatch(names, wanted);
  if (a == names.end() || b == wanted.end()) return;
  refuse(fmt::format("calls class {} {}, the data {}", a - names.begin(), quoted(*a), quoted(*b)));
}

}  // namespace

Teacher::Teacher(const Config& student)
    : config_(student.train.teacher),
      student_macs_(training_macs(student.model)),
      normalization_(normalization_of(student.data)),
      saved_(std::make_unique<SavedModel>(load_saved_model(config_.run))) {
  check_fits(saved_->config, student);
}

Teacher::~Teacher() = default;

Tensor Teacher::logits(const Tensor& images) const {
  const Normalization own = normalization_of(saved_->config.data);
  Tensor seen = images;
  if (own.mean != normalization_.mean || own.std != normalization_.std) {
    seen = images.clone();
    const auto channels = static_cast<std::size_t>(images.dim(3));
    float* const pixels = seen.f32();
    for (std::int64_t i = 0; i < seen.numel(); ++i) {
      const std::size_t c = static_cast<std::size_t>(i) % channels;
      const float pixel = pixels[i] * normalization_.std[c] + normalization_.mean[c];
      pixels[i] = (pixel - own.mean[c]) / own.std[c];
    }
  }
  return saved_->learner->predict(seen);
}

Var Teacher::guide(Tape& tape, const Var& loss, const Var& logits, const Tensor& images) const {
  const Tensor answer = this->logits(images);
  Var distance;
  if (config_.form == TeacherForm::kSoft) {
    distance = ops::distillation(tape, logits, answer, static_cast<float>(config_.temperature));
  } else {
    const Tensor labels = Tensor::empty({answer.dim(0)}, DType::kI32);
    const std::int64_t classes = answer.dim(1);
    for (std::int64_t b = 0; b < answer.dim(0); ++b) {
      const float* row = answer.f32() + b * classes;
      labels.data<std::int32_t>()[b] =
          static_cast<std::int32_t>(std::max_element(row, row + classes) - row);
    }
    distance = ops::cross_entropy(tape, logits, labels);
  }
  const auto factor = [](double value) { return Tensor::full({1}, static_cast<float>(value)); };
  const Var own =
      ops::add_scaled(tape, tape.constant(Tensor::zeros({1})), loss, factor(1.0 - config_.weight));
  return ops::add_scaled(tape, own, distance, factor(config_.weight));
}

std::string Teacher::text() const {
  const auto macs = static_cast<double>(plan_model(saved_->config.model).macs());
  return fmt::format(
      "teacher {}: {:.1f} million multiply-adds an image, forwards: {:.0f} % more arithmetic an "
      "update",
      shown(config_.run), macs * 1e-6, 100.0 * macs / (3.0 * student_macs_));
}

std::shared_ptr<const Teacher> find_teacher(const Config& config) {
  if (config.train.teacher.run.empty()) return nullptr;
  return std::make_shared<const Teacher>(config);
}

}  // namespace tessera
