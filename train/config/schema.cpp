#include "train/config/schema.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/kernels/cpu.h"
#include "train/config/head_keys.h"
#include "train/config/task_keys.h"

namespace tessera {
namespace {

void add_optim(OptimConfig& optim, std::vector<Key>& keys) {
  ScheduleConfig& schedule = optim.schedule;
  keys.insert(
      keys.end(),
      {choice_key("optim.name", optim.name,
                  {{"adamw", OptimizerName::kAdamW},
                   {"muon", OptimizerName::kMuon},
                   {"sgd", OptimizerName::kSgd}},
                  "adamw: arXiv:1711.05101; muon: arXiv:2502.16982, orthogonal updates of weight "
                  "matrices, adamw for the rest"),
       learning_rate_key(
           "optim.lr", optim.lr, optim.lr_scaling,
           "largest learning rate of the schedule; {base: 1.0e-3, scale_with: linear} "
           "gives it for updates of 256 images: times images / 256, or its root"),
       number_key("optim.weight_decay", optim.weight_decay, at_least(0),
                  "not on parameters of one dimension and position tables"),
       pair_key("optim.betas", optim.betas, below_one(), "adamw, muon: decay of the two moments"),
       number_key("optim.eps", optim.eps, above(0), "adamw, muon: added to the root of the moment"),
       number_key("optim.momentum", optim.momentum, below_one(),
                  "sgd; muon, for which 0.95 is usual"),
       flag_key("optim.nesterov", optim.nesterov, "sgd, muon: look ahead"),
       number_key("optim.clip_norm", optim.clip_norm, at_least(0),
                  "largest norm of the whole gradient; 0: no clipping"),
       choice_key("optim.schedule.name", schedule.name,
                  {{"cosine", ScheduleName::kCosine},
                   {"linear", ScheduleName::kLinear},
                   {"step", ScheduleName::kStep},
                   {"constant", ScheduleName::kConstant}},
                  "course of the learning rate after the warm-up"),
       number_key("optim.schedule.warmup_epochs", schedule.warmup_epochs, at_least(0),
                  "linear rise to lr"),
       number_key("optim.schedule.min_lr", schedule.min_lr, at_least(0),
                  "cosine, linear: reached at the last step"),
       integer_key("optim.schedule.cycles", schedule.cycles, between(1, 1000),
                   "cosine: times that it falls, from lr each time, arXiv:1608.03983"),
       number_key("optim.schedule.cycle_growth", schedule.cycle_growth, between(1, 100),
                  "cosine: length of a cycle by that of the one before"),
       numbers_key("optim.schedule.milestones", schedule.milestones, at_least(0),
                   "step: epochs at which lr is multiplied by gamma"),
       number_key("optim.schedule.gamma", schedule.gamma, above(0), "step: the factor"),
       texts_key("optim.freeze", optim.freeze,
                 "patterns of parameters that keep their values: [patch_embed.*, stages.0.*]"),
       number_key("optim.layer_decay", optim.layer_decay,
                  {.low = 0.0, .high = 1.0, .with_low = false},
                  "factor of the learning rate from each block to the one before it"),
       number_key("optim.ema", optim.ema, below_one(),
                  "decay of the averaged weights used for evaluation; 0: none")});
}

void add_init(InitConfig& init, std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {text_key("init.weights", init.weights,
                "safetensors or .pth to start from, in any known naming; an index of shards, a "
                "folder with either, a run; none: drawn from the seed",
                "none"),
       text_key(
           "init.prefix", init.prefix,
           "what the names in it begin with, such as model_ema.module.; auto: found by itself, "
           "averaged weights first",
           "auto"),
       texts_key("init.allow_missing", init.allow_missing,
                 "patterns of parameters that need not fit and then start anew: [head.*]"),
       flag_key("init.fit", init.fit,
                "resize tables, positions and patch kernels of another geometry")});
}

void add_train(TrainConfig& train, LossConfig& loss, std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {integer_key("train.epochs", train.epochs, between(0, 1e6), "passes over the training set"),
       integer_key("train.max_steps", train.max_steps, at_least(0),
                   "stop after so many updates; 0: epochs decide"),
       integer_key("train.seed", train.seed, between(0, 4294967295.0),
                   "of initialisation, order of samples, augmentation and drop path"),
       choice_key("train.precision", train.precision,
                  {{"f32", Precision::kF32},
                   {"bf16", Precision::kBF16},
                   {"auto", has_native_bf16() ? Precision::kBF16 : Precision::kF32}},
                  "of activations and matrix products; auto: bf16 if the processor has it"),
       choice_key("train.recompute", train.recompute,
                  {{"none", Recompute::kNone}, {"blocks", Recompute::kBlocks}},
                  "blocks: of each block only what enters is kept, and it runs once more in the "
                  "backward pass; less memory, more time, the same bits"),
       choice_key("train.wire", train.wire, {{"f32", Precision::kF32}, {"bf16", Precision::kBF16}},
                  "of gradients on their way between ranks, where mpirun has started several; they "
                  "are added in f32"),
       integer_key("train.threads", train.threads, between(1, 4096),
                   "of each rank; auto: all cores that it is given, or as many as a container's "
                   "quota pays for",
                   0),
       choice_key("train.loss", loss.name,
                  {{"cross_entropy", LossName::kCrossEntropy},
                   {"binary_cross_entropy", LossName::kBinaryCrossEntropy},
                   {"focal", LossName::kFocal}},
                  "focal: what is certain already teaches little, arXiv:1708.02002; "
                  "binary_cross_entropy: each class by itself, arXiv:2110.00476; mixed images have "
                  "each of their classes in part"),
       number_key("train.focal_gamma", loss.focal_gamma, between(0, 100),
                  "focal: how much less; 0 is cross_entropy"),
       number_key("train.label_smoothing", loss.label_smoothing, below_one(),
                  "share of the target that is spread over all classes"),
       text_key("train.teacher", train.teacher.run,
                "run, checkpoint or weights of a classifier whose answers are learned beside the "
                "labels, arXiv:2012.12877",
                "none"),
       choice_key("train.teacher_form", train.teacher.form,
                  {{"soft", TeacherForm::kSoft}, {"hard", TeacherForm::kHard}},
                  "soft: its probabilities, by the divergence of Kullback and Leibler; hard: the "
                  "class that it takes an image for"),
       number_key("train.teacher_weight", train.teacher.weight, between(0, 1),
                  "share of what the teacher says in the loss; the rest is the labels'"),
       number_key("train.teacher_temperature", train.teacher.temperature, above(0.0),
                  "soft: logits of both are divided by it"),
       integer_key("train.eval_every", train.eval_every, between(1, 1e6), "epochs"),
       text_key(
           "train.best_by", train.best_by,
           "figure of the validation that makes a checkpoint the best one: top1, top5, "
           "balanced_accuracy, macro_f1 or loss of a classifier, miou or boundary_iou of masks",
           "auto"),
       integer_key("train.patience", train.patience, at_least(0),
                   "evaluations without a better one after which the run ends; 0: no early end"),
       integer_key("train.checkpoint_every", train.checkpoint_every, at_least(0),
                   "steps between checkpoints beside those of epochs; 0: none"),
       flag_key("train.tensorboard", train.tensorboard,
                "curves, images and histograms for TensorBoard in the run's folder"),
       text_key("train.out", train.out, "folder in which the run's folder is made")});
}

}  // namespace

const Key* Schema::find_key(std::string_view path) const {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [path](const Key& key) { return key.path == path; });
  return found == keys.end() ? nullptr : &*found;
}

const Section* Schema::find_section(std::string_view path) const {
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [path](const Section& section) { return section.path == path; });
  return found == sections.end() ? nullptr : &*found;
}

Schema schema_of(Config& config) {
  Schema schema;
  schema.sections = {
      {"task", "what is learned"},
      {"model", "what the network is made of"},
      {"model.patch_embed", "how pixels become tokens"},
      {"model.patch_merging", "how the map shrinks between stages"},
      {"model.head", "what is made of the maps of the stages"},
      {"model.head.auxiliary", "upernet, fpn, fcn: a second, smaller head that is trained along",
       false, &config.model.head.auxiliary.on},
      {"init", "what the weights are before the first step"},
      {"data", "where images come from and what happens to them"},
      {"data.augment", "random changes to training images"},
      {"data.normalize", "(pixel - mean) / std", true},
      {"optim", "how parameters are updated"},
      {"optim.schedule", "the learning rate over time"},
      {"train", "how long, how exactly and where to"}};
  add_task_keys(config, schema.keys);
  add_model_keys(config.model, schema.keys);
  add_head_keys(config.model.head, schema.keys);
  add_init(config.init, schema.keys);
  add_data_keys(config, schema.keys);
  add_optim(config.optim, schema.keys);
  add_train(config.train, config.task.loss, schema.keys);
  return schema;
}

Config unset_config() {
  Config config;
  config.has_data = false;
  config.train.best_by.clear();
  config.model.image_size = {};
  config.model.in_channels = 0;
  config.model.num_classes = 0;
  config.model.patch_embed.edge = PatchEdge::kAuto;
  config.model.position = {.relative = false, .automatic = true};
  return config;
}

}  // namespace tessera
