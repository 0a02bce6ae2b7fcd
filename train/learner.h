// A model and what updates it: forward, backward, clipping, optimizer, averaged weights.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/ops/row_products.h"
#include "core/tensor.h"
#include "data/loader.h"
#include "distributed/gradient_sum.h"
#include "formats/stored_tensor.h"
#include "layers/model.h"
#include "optim/ema.h"
#include "optim/optimizer.h"
#include "tasks/task.h"
#include "train/train_config.h"

namespace tessera {

class Teacher;

struct UpdateResult {
  double loss = 0.0;       ///< mean over the batches of the update
  double grad_norm = 0.0;  ///< of their mean gradient, before clipping
  Metrics metrics{};       ///< of the task's training meter over the update
};

class Learner {
 public:
  /// Initialises the weights from `config.train.seed` and freezes those of `config.optim.freeze`.
  /// Of several ranks each makes one: their updates are those of one process that has all of each
  /// batch. Throws ConfigError (see plan_model, freeze_parameters).
  explicit Learner(const Config& config, Communicator& ranks = one_process());

  /// Takes over the weights of a model of the same configuration, before the first update.
  void start_from(const ParameterStore& weights);

  /// From now on updates learn from `teacher` too; none: from the targets alone.
  void learn_from(std::shared_ptr<const Teacher> teacher) { teacher_ = std::move(teacher); }

  /// Takes over weights and state of rank 0.
  void follow();

  /// Takes what other ranks alone have of the optimizer's state, so that state() is whole. All
  /// ranks call it together.
  void gather_state();

  /// One update number `step` (from 0) at learning rate `lr` from the mean gradient of `batches`.
  /// Throws NonFiniteError, naming the first op with a NaN or infinity, before weights are touched.
  UpdateResult update(std::span<const Batch> batches, std::int64_t step, double lr,
                      Profile* profile = nullptr);

  /// logits [B, K] of images [B, H, W, C], without recording. `trace`, if given, receives what
  /// happened on the way.
  Tensor predict(const Tensor& images, Profile* profile = nullptr, ModelTrace* trace = nullptr);

  /// All that the head puts out for images [B, H, W, C], f32, without recording.
  std::vector<Tensor> outputs(const Tensor& images, Profile* profile = nullptr,
                              ModelTrace* trace = nullptr);

  /// The same of a batch: what a model hides of an image goes by the number of its sample.
  std::vector<Tensor> outputs(const Batch& batch);

  /// While it lives, the model holds the averaged weights, if there are any, and keeps what its
  /// products make of them: no weight may change, nor any update be made.
  class Evaluation {
   public:
    explicit Evaluation(Learner& learner) : learner_(learner) { learner_.begin_evaluation(); }
    ~Evaluation() { learner_.end_evaluation(); }
    Evaluation(const Evaluation&) = delete;
    Evaluation& operator=(const Evaluation&) = delete;

   private:
    Learner& learner_;
  };

  /// While it lives, `observer` sees what linear maps multiply. In an Evaluation.
  class Showing {
   public:
    Showing(Learner& learner, InputObserver& observer) : learner_(learner) {
      learner_.packed_->show_inputs_to(&observer);
    }
    ~Showing() { learner_.packed_->show_inputs_to(nullptr); }
    Showing(const Showing&) = delete;
    Showing& operator=(const Showing&) = delete;

   private:
    Learner& learner_;
  };

  /// From now on the maps of `codes`, which the model has, multiply in integers of 8 bits in
  /// evaluation, if this CPU can: false if not, and then nothing changes. No update may follow.
  bool quantize(const Quantization& codes);

  const Quantization& codes() const { return codes_; }

  /// The weights that an Evaluation uses, averaged if there are averages. Outside of one.
  std::vector<NamedTensor> evaluated() const;

  /// Everything beside them that an exact continuation needs. Outside of an Evaluation.
  std::vector<NamedTensor> state() const;

  /// Takes over what evaluated() and state() of a learner of the same configuration were. Throws
  /// CheckpointError if they do not fit.
  void restore(const TensorFile& model, const TensorFile& state);

  /// From now on as during an Evaluation: no update may follow, and what updates keep is gone.
  void evaluate_only();

  Model& model() { return model_; }
  const Task& task() const { return *task_; }

 private:
  std::vector<Tensor> answer(const Tensor& images, std::span<const std::int64_t> samples,
                             Profile* profile, ModelTrace* trace);
  void require_size(const Shape& images) const;
  void begin_evaluation();
  void end_evaluation();
  /// One batch of an update, and how it is looked at.
  struct Pass {
    std::int64_t step = 0;
    std::int64_t sample = 0;  ///< number of its first image within the update
    bool check = false;       ///< every op, to find the one that is not finite
    bool last = false;        ///< of the update: gradients are complete behind it
    Meter* meter = nullptr;
    Profile* profile = nullptr;
  };
  double run(const Batch& batch, const Pass& pass);
  void complete_gradients(Profile* profile);
  void sum_up_over_ranks();
  void add_up(double& loss, double& squares, std::unique_ptr<Meter>& meter);
  [[noreturn]] void fail_not_finite(std::span<const Batch> batches, std::int64_t step,
                                    const char* what);

  Config config_;
  Communicator& ranks_;
  Model model_;
  std::unique_ptr<Task> task_;
  std::shared_ptr<const Teacher> teacher_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<GradientSum> sum_;  // where there are several ranks
  std::vector<ElementRange> own_;   // gradients whose sums this rank makes: all, if it is alone
  bool updates_own_ = false;        // and them alone it updates
  std::optional<Ema> ema_;
  std::optional<PackedWeights> packed_;  // during an Evaluation
  Quantization codes_;                   // of what multiplies in 8 bits
  Tape tape_;
};

}  // namespace tessera
