#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/error.h"
#include "core/kernels/cpu.h"
#include "core/parallel.h"
#include "core/posix.h"
#include "core/text.h"
#include "data/open_dataset.h"
#include "formats/safetensors.h"
#include "formats/weights/load_weights.h"
#include "formats/weights/naming.h"
#include "formats/weights/quantized_file.h"
#include "train/calibrate.h"
#include "train/config/config.h"
#include "train/evaluate.h"
#include "train/log.h"
#include "train/open_split.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct QuantizeOptions {
  std::string path;
  std::int64_t calibrate = 512;
  std::string out;
  std::vector<std::string> overrides;
};

/// Beside the run, under its name: `runs/flowers` -> `runs/flowers-int8`.
fs::path default_folder(const std::string& path) {
  fs::path run = fs::path(path).lexically_normal();
  if (!run.has_filename()) run = run.parent_path();
  return run.parent_path() / (run.filename().string() + "-int8");
}

void require_free(const fs::path& folder) {
  if (is_there(folder) && !names_in(folder).empty()) {
    fail<CheckpointError>("{}: is there already and not empty: give another by --out",
                          shown(folder.string()));
  }
}

/// A share of the training images, drawn by the run's seed, as testing shows them to the model.
class CalibrationImages {
 public:
  CalibrationImages(const Config& config, std::int64_t count)
      : dataset_(open_split(config, Split::kTrain)) {
    LoaderOptions options = evaluation_options(config.data);
    options.batch_size = std::min({options.batch_size, count, dataset_->size()});
    options.shuffle = true;
    options.seed = config.train.seed;
    images_ = std::min(count, dataset_->size());
    loader_.emplace(*dataset_, options);
  }

  std::int64_t images() const { return images_; }
  const std::string& name() const { return dataset_->name(); }

  /// The same images each time.
  void visit(const std::function<void(const Tensor& images)>& see) {
    loader_->start_epoch(0);
    std::int64_t left = images_;
    for (Batch batch; left > 0 && loader_->next(batch);) {
      const std::int64_t count = std::min(left, batch.images.dim(0));
      const Shape& all = batch.images.shape();
      see(batch.images.slice(0, {count, all[1], all[2], all[3]}));
      left -= count;
    }
    for (const std::string& warning : loader_->take_warnings()) notice("{}", warning);
  }

 private:
  std::unique_ptr<Dataset> dataset_;
  std::optional<Loader> loader_;
  std::int64_t images_ = 0;
};

/// How far the answers of 8 bits are from those before.
struct Comparison {
  double difference = 0.0, size = 0.0;  ///< sums of squares
  std::int64_t same = 0, rows = 0;      ///< largest logits

  void add(const Tensor& before, const Tensor& after) {
    const std::int64_t columns = before.dim(-1);
    for (std::int64_t row = 0; row < before.shape().rows(); ++row, ++rows) {
      const float* a = before.f32() + row * columns;
      const float* b = after.f32() + row * columns;
      for (std::int64_t i = 0; i < columns; ++i) {
        difference += std::pow(double{a[i]} - double{b[i]}, 2);
        size += std::pow(double{a[i]}, 2);
      }
      same += std::max_element(a, a + columns) - a == std::max_element(b, b + columns) - b ? 1 : 0;
    }
  }
};

Comparison compare(Learner& learner, CalibrationImages& images, const Quantization& codes) {
  std::vector<Tensor> before;
  images.visit([&](const Tensor& batch) { before.push_back(learner.predict(batch)); });
  Comparison comparison;
  if (!learner.quantize(codes)) return comparison;
  std::size_t next = 0;
  images.visit(
      [&](const Tensor& batch) { comparison.add(before.at(next++), learner.predict(batch)); });
  return comparison;
}

double megabytes(std::span<const StoredTensor> tensors) {
  double bytes = 0.0;
  for (const StoredTensor& tensor : tensors) bytes += static_cast<double>(tensor.bytes.size());
  return bytes * 1e-6;
}

/// The folder with the weights, which hold the configuration too; their MB. A `config.yaml` would
/// make it a run, which train goes on with.
double write_folder(const fs::path& folder, const Config& config,
                    std::span<const StoredTensor> tensors) {
  make_folder(folder);
  write_safetensors(
      folder / "model.safetensors", tensors,
      {{"naming", std::string(name_of(Naming::kTessera))}, {"config", to_yaml(config)}});
  sync_folder(folder);
  return megabytes(tensors);
}

std::vector<std::string> with_fast_precision(std::vector<std::string> overrides) {
  const bool chosen = std::ranges::any_of(
      overrides, [](const std::string& text) { return text.starts_with("train.precision="); });
  if (!chosen && has_native_bf16()) overrides.emplace_back("train.precision=bf16");
  return overrides;
}

int run(const QuantizeOptions& options) {
  const SavedModel saved = load_saved_model(options.path, with_fast_precision(options.overrides));
  if (!saved.codes.empty())
    fail<ConfigError>("quantize: {} is of 8 bits already", shown(options.path));
  if (saved.config.train.threads > 0) set_num_threads(saved.config.train.threads);
  const fs::path folder =
      options.out.empty() ? default_folder(options.path) : fs::path(options.out);
  require_free(folder);
  Learner& learner = *saved.learner;
  CalibrationImages images(saved.config, options.calibrate);
  const Quantization codes = calibrate(learner, [&](const auto& see) { images.visit(see); });
  if (codes.empty()) fail<ConfigError>("quantize: {} has no linear layers", shown(options.path));
  const std::vector<NamedTensor> values = named_values(learner.model().parameters);
  const std::vector<StoredTensor> tensors = quantized_tensors(values, codes);
  const double before = megabytes(quantized_tensors(values, {}));
  const double after = write_folder(folder, saved.config, tensors);
  fmt::print("{} linear layers in 8 bits, calibrated on {} training images of {}\n", codes.size(),
             images.images(), images.name());
  fmt::print("{}: {:.1f} MB, {:.1f} MB before\n", shown(folder.string()), after, before);
  if (saved.config.model.head.type != HeadType::kLinear) return kExitOk;
  const Comparison comparison = compare(learner, images, codes);
  if (comparison.rows == 0) {
    notice("this CPU has no products of 8 bits (AVX-512 VNNI): answers are not compared");
    return kExitOk;
  }
  fmt::print("same answer as before on {} of these images, logits differ by {:.1f} %\n",
             comparison.same == comparison.rows
                 ? "all"
                 : fmt::format("{:.2f} %", 100.0 * static_cast<double>(comparison.same) /
                                               static_cast<double>(comparison.rows)),
             100.0 * std::sqrt(comparison.difference / comparison.size));
  return kExitOk;
}

}  // namespace

Action add_quantize_command(Arguments& arguments) {
  auto options = std::make_shared<QuantizeOptions>();
  arguments
      .add_option("path", options->path, "Run (its best checkpoint), checkpoint folder or weights")
      .required();
  arguments
      .add_option("--calibrate", options->calibrate,
                  "Training images that the ranges of activations are taken from")
      .between(1, 1000000)
      .with_default();
  arguments.add_option("--out", options->out,
                       "Folder to write; beside the run, its name with -int8, if not given");
  arguments.add_option("--set", options->overrides, "Override a key: --set train.precision=f32")
      .repeated();
  arguments.footer(
      "Linear layers on maps of tokens get weights of 8 bits, with a scale for each channel, and\n"
      "multiply activations of 8 bits, with a scale for each tensor, by integer products. The "
      "rest\n"
      "stays in floating point: in bf16 where this CPU has it. The folder works in eval, predict,\n"
      "bench and export as a run does; it cannot be trained.");
  return [options] { return run(*options); };
}

}  // namespace tessera
