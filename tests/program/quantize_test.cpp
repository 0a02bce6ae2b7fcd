// From a run to 8 bits and on, as a user of the program sees it.
#include "core/onednn/quantized_matmul.h"
#include "formats/json.h"
#include "formats/safetensors.h"
#include "tests/program/program.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

/// A run of four classes that is learned well within seconds.
constexpr const char* kQuantizeConfig = R"(
model: {patch_size: 4, embed_dim: 32, depths: [1, 2], num_heads: [2, 4], window_size: 4, init_std: 0.1}
data: {name: synthetic, batch_size: 32, train_samples: 1024, test_samples: 256}
optim: {name: muon, momentum: 0.95, nesterov: true, lr: 3.0e-3}
train: {epochs: 3, seed: 1, threads: 1, tensorboard: false}
)";

double top1(const std::string& path, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"eval", path, "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = tessera(arguments);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  return parse_json(outcome.out)["top1"].get<double>();
}

TEST_CASE("quantize: the folder answers as the run does in eval, predict, bench and export") {
  const ScratchFolder folder;
  const std::string run = folder / "run", small = folder / "run-int8";
  write_text(folder / "c.yaml", kQuantizeConfig);
  REQUIRE(tessera({"train", folder / "c.yaml", "--out", run}).code == 0);
  const Outcome outcome = tessera({"quantize", run + "/", "--calibrate", "100"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(outcome.out.find("calibrated on 100 training images of synthetic") != std::string::npos);
  const TensorFile file = read_safetensors(small + "/model.safetensors");
  // qkv, proj, fc1 and fc2 of three blocks, and the merging.
  CHECK(std::ranges::count(file.tensors, StoredType::kI8, &StoredTensor::type) == 13);
  CHECK(file.at("head.weight").type == StoredType::kF32);

  const double before = top1(run);
  CHECK(before > 0.5);
  CHECK(std::abs(top1(small) - before) <= 0.02);
  CHECK(std::abs(top1(small, {"--set", "train.precision=f32"}) - before) <= 0.02);

  const Outcome bench = tessera({"bench", small, "--batch", "4", "--steps", "2", "--json"});
  REQUIRE_MESSAGE(bench.code == 0, bench.err);
  const Json speed = parse_json(bench.out);
  CHECK(speed["infer"]["images_per_s"] > 0.0);
  CHECK_FALSE(speed.contains("train"));
  if (onednn::has_native_int8()) {
    CHECK(outcome.out.find("same answer as before on") != std::string::npos);
    CHECK(speed["precision"].get<std::string>().starts_with("int8 and "));
  }
  REQUIRE(tessera({"data", "sample", folder / "c.yaml", "--out", folder / "images", "--count", "2"})
              .code == 0);
  const Outcome predicted = tessera({"predict", small, folder / "images"});
  CHECK_MESSAGE(predicted.code == 0, predicted.err);
  const Outcome exported = tessera({"export", small, folder / "m.onnx"});
  REQUIRE_MESSAGE(exported.code == 0, exported.err);
  CHECK(read_text(folder / "m.onnx").find("DequantizeLinear") != std::string::npos);
  CHECK(fs::file_size(folder / "m.onnx") < fs::file_size(small + "/model.safetensors") * 3);
}

TEST_CASE("inspect and bench take every form of a trained model, of 8 bits or of others") {
  const ScratchFolder folder;
  const std::string run = folder / "run", small = folder / "run-int8";
  write_text(folder / "c.yaml", kQuantizeConfig);
  REQUIRE(tessera({"train", folder / "c.yaml", "--out", run, "--set", "train.max_steps=1"}).code ==
          0);
  REQUIRE(tessera({"quantize", run, "--calibrate", "10"}).code == 0);
  const auto plan_of = [](const std::string& path, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"inspect", path, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = tessera(arguments);
    REQUIRE_MESSAGE(outcome.code == 0, path << ": " << outcome.err);
    Json plan = parse_json(outcome.out);
    plan.erase("predicted_peak_bytes");  // of 8 bits the rest is bf16
    return plan;
  };
  const Json wanted = plan_of(folder / "c.yaml");
  const std::vector<std::string> forms{run,
                                       run + "/checkpoints/best",
                                       run + "/checkpoints/step-1",
                                       run + "/checkpoints/step-1/model.safetensors",
                                       small,
                                       small + "/model.safetensors"};
  for (const std::string& path : forms) {
    CHECK_MESSAGE(plan_of(path) == wanted, path);
    const Outcome bench = tessera({"bench", path, "--batch", "2", "--steps", "1", "--json"});
    REQUIRE_MESSAGE(bench.code == 0, path << ": " << bench.err);
    CHECK_FALSE(parse_json(bench.out).contains("train"));
  }
  CHECK(plan_of(small, {"--set", "data.batch_size=7"})["batch_size"] == 7);

  const std::string theirs = test::fixture("hf_swin_32_folder");
  CHECK(plan_of(theirs)["stages"].size() == 2);
  const Outcome guessed = tessera({"inspect", test::fixture("timm_swin_32.safetensors")});
  CHECK(guessed.code == 0);
  CHECK_MESSAGE(guessed.err.find("guessed: ") != std::string::npos, guessed.err);
}

TEST_CASE("quantize: mistakes are one line and leave no folder") {
  const ScratchFolder folder;
  const std::string run = folder / "run", small = folder / "small";
  write_text(folder / "c.yaml", kQuantizeConfig);
  REQUIRE(tessera({"train", folder / "c.yaml", "--out", run, "--set", "train.max_steps=1"}).code ==
          0);
  const auto fails = [&](const std::vector<std::string>& arguments, int code, const char* says) {
    const Outcome outcome = tessera(arguments);
    CHECK(outcome.code == code);
    CHECK_MESSAGE(outcome.err.find(says) != std::string::npos, outcome.err);
  };
  fails({"quantize", folder / "none"}, 1, "does not exist");
  fails({"quantize", run, "--calibrate", "0"}, 2, "--calibrate");
  fails({"quantize", run, "--set", "data.name=none"}, 2, "data.name is none");
  CHECK_FALSE(fs::exists(run + "-int8"));
  REQUIRE(tessera({"quantize", run, "--out", small, "--calibrate", "10"}).code == 0);
  fails({"quantize", run, "--out", small}, 1, "not empty");
  fails({"quantize", small}, 2, "of 8 bits already");
  CHECK_FALSE(fs::exists(small + "-int8"));
  fails({"train", "--resume", small}, 1, "is no run's folder");
  // Another run may start from it, in floating point.
  CHECK(tessera({"train", folder / "c.yaml", "--out", folder / "next", "--set",
                 "init.weights=" + small, "--set", "train.max_steps=1"})
            .code == 0);

  TensorFile file = read_safetensors(small + "/model.safetensors");
  const std::string weight = "stages.0.blocks.0.mlp.fc1.weight";
  const auto write_changed = [&](const char* suffix, const Tensor& value) {
    std::vector<StoredTensor> tensors;
    for (const StoredTensor& tensor : file.tensors) {
      tensors.push_back(tensor.name == weight + suffix ? view_of(tensor.name, value) : tensor);
    }
    write_safetensors(small + "/model.safetensors", std::span<const StoredTensor>(tensors),
                      file.metadata);
  };
  write_changed("_scale", Tensor::full({3}, 1.0f));
  fails({"eval", small}, 1, "must be F32 [128]");
  write_changed("_input_scale", Tensor::full({1}, -1.0f));
  fails({"eval", small}, 1, "scales are positive");
  const std::int32_t zero = 256;
  write_changed("_input_zero", Tensor::from({1}, std::span(&zero, 1)));
  fails({"eval", small}, 1, "from 0 to 255");
}

}  // namespace
}  // namespace tessera::test
